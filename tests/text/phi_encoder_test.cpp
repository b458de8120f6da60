#include <physgen/text/phi_encoder.h>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>
#include <sstream>

#include <physgen/text/instruction_table.h>

#include "support/problem_of.h"
#include "support/published_tensors.h"

namespace physgen {
namespace {

TEST(PhiEncoder, HasTheTensorsOfPhi2) {
  std::map<std::string, std::string> expected, got;
  for (const auto& [name, shape] : published_tensors("nova_tensors_phi2.tsv")) {
    if (name.starts_with("model.")) expected[name.substr(6)] = shape;
  }
  const PhiEncoder phi(PhiConfig{});  // no weight is touched: pages stay unmapped
  int64_t elements = 0;
  for (const auto& item : phi->named_parameters()) {
    std::ostringstream shape;
    shape << item.value().sizes();
    got[item.key()] = shape.str();
    elements += item.value().numel();
  }
  EXPECT_EQ(got, expected);
  EXPECT_EQ(elements, 2'779'683'840 - 131'123'200);
}

TEST(PhiEncoder, SeesWhatWasBeforeOnly) {
  const torch::NoGradGuard no_grad;
  PhiEncoder phi(PhiConfig{.vocabulary = 20, .width = 16, .hidden = 32, .depth = 2, .heads = 2, .rotary_share = 0.5});
  torch::manual_seed(3);
  for (at::Tensor& parameter : phi->parameters()) parameter.normal_(0, 0.3);
  const at::Tensor two = phi->forward({3, 7}), three = phi->forward({3, 7, 9});
  EXPECT_TRUE(at::allclose(two, three.narrow(0, 0, 2), 1e-5, 1e-6));
  EXPECT_FALSE(at::allclose(phi->forward({7, 3})[1], two[0]));
  EXPECT_EQ(problem_of<ConfigError>([] { check_sizes(PhiConfig{.width = 30, .heads = 4}, "phi"); }).where, "phi");
}

TEST(InstructionTable, GivesWhatItKeepsAndRefusesWhatItDoesNot) {
  InstructionTable table(std::vector<std::string>{"push it", "pull it"}, std::vector<int64_t>{2, 3}, 5, 4);
  table->values.copy_(at::arange(24).view({2, 3, 4}));
  const TextFeatures features = table->forward({"pull it", "push it"});
  EXPECT_EQ(features.values.sizes(), at::IntArrayRef({2, 5, 4}));
  EXPECT_TRUE(at::equal(features.values[0].narrow(0, 0, 3), table->values[1]));
  EXPECT_TRUE(at::equal(features.used.sum(1), at::tensor({3, 2}, at::kLong)));
  const Problem problem = problem_of<ConfigError>([&] { table->forward({"pusg it"}); });
  EXPECT_EQ(problem.expected, "one of push it, pull it");
  EXPECT_EQ(problem.next_step, "did you mean \"push it\"?");
}

}  // namespace
}  // namespace physgen
