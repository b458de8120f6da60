#include "kernels/biased_activation.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "kernels/agreement.h"

namespace physgen {
namespace {

class BiasedActivationTest : public testing::TestWithParam<Activation> {
 protected:
  BiasedActivationTest() { at::manual_seed(1); }

  static at::Tensor expected_of(const at::Tensor& x) {
    return GetParam() == Activation::gelu ? at::gelu(x) : at::silu(x);
  }

  const at::Tensor x = (at::randn({3, 100, 40}) * 3).to(at::kBFloat16).set_requires_grad(true);  // several tasks
  const at::Tensor bias = at::randn({40}).set_requires_grad(true);
};

TEST_P(BiasedActivationTest, EqualsPyTorchsOperatorsAndTheirGradients) {
  const std::vector<at::Tensor> truth = {x.detach().to(at::kDouble).set_requires_grad(true),
                                         bias.detach().to(at::kDouble).set_requires_grad(true)};
  const at::Tensor expected = expected_of(truth[0] + truth[1]), got = biased_activation(x, bias, GetParam());
  EXPECT_EQ(got.scalar_type(), at::kBFloat16);
  EXPECT_LT(difference(got, expected), 4e-3);
  const at::Tensor gradient = at::randn(x.sizes()).to(at::kBFloat16);
  const auto right = torch::autograd::grad({expected}, truth, {gradient.to(at::kDouble)});
  const auto ours = torch::autograd::grad({got}, {x, bias}, {gradient});
  EXPECT_LT(difference(ours[0], right[0]), 4e-3);
  EXPECT_LT(difference(ours[1], right[1]), 1e-5);
}

TEST_P(BiasedActivationTest, EveryNumberIsRoundedAsPyTorchRoundsIt) {
  const at::Tensor all = at::linspace(-12, 12, 40 * 500).to(at::kBFloat16).view({500, 40}), zero = at::zeros({40});
  const at::Tensor got = biased_activation(all, zero, GetParam()).to(at::kDouble);
  const at::Tensor expected = expected_of(all.to(at::kDouble));
  const at::Tensor step = expected.abs() / 256 + 1e-6;  // half the distance of two numbers, and erf's error
  EXPECT_TRUE((got - expected).abs().le(step).all().item<bool>());
}

TEST_P(BiasedActivationTest, OtherTypesAreLeftToPyTorch) {
  const at::Tensor given = x.detach().to(at::kFloat);
  EXPECT_TRUE(at::equal(biased_activation(given, bias, GetParam()), expected_of(given + bias)));
}

TEST_P(BiasedActivationTest, TheResultDoesNotDependOnTheNumberOfThreads) {
  const int threads = at::get_num_threads();
  const auto run = [&](int count) {
    at::set_num_threads(count);
    const at::Tensor y = biased_activation(x, bias, GetParam());
    return torch::autograd::grad({y}, {x, bias}, {at::ones_like(y)});
  };
  const auto one = run(1), two = run(2);
  at::set_num_threads(threads);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << i;
}

TEST(TakesBiasedActivationTest, OnlyWhereBfloat16IsDifferentiatedOnTheCpu) {
  const at::Tensor x = at::ones({2, 3});
  EXPECT_FALSE(takes_biased_activation(x));
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  EXPECT_TRUE(takes_biased_activation(x));
  {
    const at::NoGradGuard no_gradient;
    EXPECT_FALSE(takes_biased_activation(x));
  }
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

INSTANTIATE_TEST_SUITE_P(Functions, BiasedActivationTest, testing::Values(Activation::gelu, Activation::silu));

}  // namespace
}  // namespace physgen
