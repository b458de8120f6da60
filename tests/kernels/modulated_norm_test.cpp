#include "kernels/modulated_norm.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "kernels/residual_norm.h"

#include "kernels/agreement.h"

namespace physgen {
namespace {

constexpr double kEps = 1e-6;

/// A number type of x, one of all else, and whether the modulations are of rows or of groups of rows.
using Case = std::tuple<at::ScalarType, at::ScalarType, bool>;

class NormTest : public testing::TestWithParam<Case> {
 protected:
  NormTest() { at::manual_seed(1); }

  /// Values that both types hold, in float64 as the truth and as the fused path gets them.
  void add(at::IntArrayRef sizes, at::ScalarType type) {
    const at::Tensor value = (at::randn(sizes, at::kDouble) + 0.5).to(type);
    truth.push_back(value.to(at::kDouble).set_requires_grad(true));
    given.push_back(value.clone().set_requires_grad(true));
  }

  /// Whether outputs and gradients of both ways are the same.
  void expect_equal(const std::vector<at::Tensor>& expected, const std::vector<at::Tensor>& got, double tolerance) {
    std::vector<at::Tensor> gradients, cast;
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_LT(difference(got[i], expected[i]), tolerance) << "output " << i;
      gradients.push_back(at::randn(expected[i].sizes(), at::kDouble).to(got[i].scalar_type()).to(at::kDouble));
      cast.push_back(gradients.back().to(got[i].scalar_type()));
    }
    const auto right = torch::autograd::grad(expected, truth, gradients);
    const auto ours = torch::autograd::grad(got, given, cast);
    for (size_t i = 0; i < right.size(); ++i) {
      EXPECT_EQ(ours[i].sizes(), given[i].sizes());
      EXPECT_LT(difference(ours[i], right[i]), 2 * tolerance) << "gradient " << i;
    }
  }

  double tolerance() const { return std::get<1>(GetParam()) == at::kBFloat16 ? 8e-3 : 3e-6; }

  std::vector<at::Tensor> truth, given;
};

class ModulatedNormTest : public NormTest {
 protected:
  ModulatedNormTest() {
    const auto [of_x, of_others, of_groups] = GetParam();
    const std::vector<int64_t> sizes = {5, 7, 40};
    const std::vector<int64_t> modulation = of_groups ? std::vector<int64_t>{5, 1, 40} : sizes;
    add(sizes, of_x);
    for (const auto& shape : {modulation, sizes, modulation, modulation})
      add(shape, of_others);  // gate, y, gain, shift
  }

  static at::Tensor normed(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift) {
    return at::layer_norm(x, {x.size(-1)}, {}, {}, kEps) * gain + shift;
  }
};

TEST_P(ModulatedNormTest, TheNormAloneEqualsPyTorchsOperatorsAndTheirGradients) {
  for (auto* inputs : {&truth, &given}) inputs->erase(inputs->begin() + 1, inputs->begin() + 3);
  expect_equal({normed(truth[0], truth[1], truth[2])}, {modulated_norm(given[0], given[1], given[2], kEps)},
               tolerance());
}

TEST_P(ModulatedNormTest, ASumAndItsNormEqualPyTorchsOperatorsAndTheirGradients) {
  const at::Tensor sum = truth[0] + truth[1] * truth[2];
  const auto [h, z] = gated_modulated_norm(given[0], given[1], given[2], given[3], given[4], kEps);
  EXPECT_EQ(h.scalar_type(), given[0].scalar_type());
  EXPECT_EQ(z.scalar_type(), given[1].scalar_type());
  expect_equal({sum, normed(sum, truth[3], truth[4])}, {h, z}, 2 * tolerance());
}

TEST_P(ModulatedNormTest, ASumOfWhichOnlyTheNormIsUsedHasItsGradients) {
  const at::Tensor sum = truth[0] + truth[1] * truth[2];
  const auto [h, z] = gated_modulated_norm(given[0], given[1], given[2], given[3], given[4], kEps);
  expect_equal({normed(sum, truth[3], truth[4])}, {z}, 2 * tolerance());
}

TEST_P(ModulatedNormTest, ASumAloneEqualsPyTorchsOperatorsAndTheirGradients) {
  for (auto* inputs : {&truth, &given}) inputs->resize(3);
  expect_equal({truth[0] + truth[1] * truth[2]}, {gated_sum(given[0], given[1], given[2])}, tolerance());
}

TEST_P(ModulatedNormTest, PartsOfOneTensorAreModulations) {
  const at::Tensor all = at::cat({given[3], given[4]}, -1);
  const std::vector<at::Tensor> parts = all.chunk(2, -1);
  const at::Tensor got = modulated_norm(given[0], parts[0], parts[1], kEps);
  EXPECT_TRUE(at::equal(got, modulated_norm(given[0], given[3], given[4], kEps)));
}

INSTANTIATE_TEST_SUITE_P(Types, ModulatedNormTest,
                         testing::Values(Case{at::kFloat, at::kFloat, true}, Case{at::kFloat, at::kBFloat16, true},
                                         Case{at::kBFloat16, at::kBFloat16, true},
                                         Case{at::kBFloat16, at::kBFloat16, false},
                                         Case{at::kFloat, at::kFloat, false}));

class ResidualNormTest : public NormTest {
 protected:
  ResidualNormTest() {
    const auto [of_residual, of_x, gated] = GetParam();
    const std::vector<int64_t> sizes = {300, 40};  // several tasks, the last of them smaller
    add(sizes, of_x);
    for (int i = 0; i < 2; ++i) add({40}, at::kFloat);
    add(sizes, of_residual);
    if (gated) add(sizes, of_x);
  }
  at::Tensor gate() const { return given.size() > 4 ? given[4] : at::Tensor(); }
};

TEST_P(ResidualNormTest, EqualsPyTorchsOperatorsAndTheirGradients) {
  at::Tensor expected = at::layer_norm(truth[0], {40}, truth[1], truth[2], kEps);
  if (truth.size() > 4) expected = expected * truth[4];
  const at::Tensor got = residual_norm(given[0], given[1], given[2], given[3], kEps, gate());
  EXPECT_EQ(got.scalar_type(), given[3].scalar_type());
  expect_equal({expected + truth[3]}, {got}, tolerance());
}

TEST_P(ResidualNormTest, TheResultDoesNotDependOnTheNumberOfThreads) {
  const int threads = at::get_num_threads();
  const auto run = [&](int count) {
    at::set_num_threads(count);
    const at::Tensor z = residual_norm(given[0], given[1], given[2], given[3], kEps, gate());
    return torch::autograd::grad({z}, given, {at::ones_like(z)});
  };
  const auto one = run(1), two = run(2);
  at::set_num_threads(threads);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << i;
}

INSTANTIATE_TEST_SUITE_P(Types, ResidualNormTest,
                         testing::Values(Case{at::kFloat, at::kFloat, false}, Case{at::kFloat, at::kBFloat16, false},
                                         Case{at::kBFloat16, at::kBFloat16, false}, Case{at::kFloat, at::kFloat, true},
                                         Case{at::kBFloat16, at::kBFloat16, true}));

}  // namespace
}  // namespace physgen
