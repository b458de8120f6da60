#include "policy/packed_action_head.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/tiny_model.h"

namespace physgen {
namespace {

class PackedActionHeadTest : public testing::TestWithParam<Objective> {};
INSTANTIATE_TEST_SUITE_P(Objectives, PackedActionHeadTest,
                         testing::Values(Objective::epsilon, Objective::flow_matching, Objective::discrete));

// Every parameter is random: at the start of a training gates and positions are zero, which hides what they do.
TEST_P(PackedActionHeadTest, GivesWhatTheHeadGives) {
  const torch::NoGradGuard no_grad;
  const ActionHeadConfig config{.width = 24, .depth = 2, .heads = 2, .chunks = 3, .objective = GetParam(), .bins = 5};
  ActionHead head(config, /*condition_width=*/20, /*chunk=*/4, /*action_width=*/3);
  at::Generator random = generator(1);
  for (at::Tensor& parameter : head->parameters()) parameter.normal_(0, 0.3, random);
  const PackedActionHead packed(head);
  const at::Tensor condition = at::randn({3, 7, 20}, random), x = at::randn({3, 12, 3}, random);
  const auto modulations = head->embed_timesteps(at::full({1}, 500, at::kLong));
  const at::Tensor expected = head->forward(x, modulations, head->embed_condition(condition));
  const at::Tensor got = packed.forward(x, modulations, packed.embed_condition(condition));
  ASSERT_EQ(got.sizes(), expected.sizes());
  EXPECT_LT((got - expected).abs().max().item<double>(), 2e-5 * expected.abs().max().item<double>());
}

}  // namespace
}  // namespace physgen
