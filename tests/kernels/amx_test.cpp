#include "kernels/amx.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "kernels/agreement.h"
#include "kernels/amx_linear.h"
#include "kernels/amx_mlp.h"

namespace physgen {
namespace {

using Tensors = std::vector<at::Tensor>;
using Form = std::function<at::Tensor(const Tensors& inputs)>;

constexpr double kRounded = 1e-2;  // of what is rounded to bfloat16 on the way

class AmxTest : public testing::TestWithParam<int64_t> {  // of how many rows
 protected:
  void SetUp() override {
    if (!has_amx()) GTEST_SKIP() << "this CPU has no AMX";
    at::manual_seed(1);
  }

  // The result and the gradients of the inputs.
  static Tensors results_of(const Form& form, const Tensors& inputs, at::ScalarType dtype) {
    Tensors leaves;
    for (const at::Tensor& input : inputs) leaves.push_back(input.to(dtype).detach().set_requires_grad(true));
    const at::Tensor y = form(leaves);
    at::manual_seed(2);
    Tensors results = torch::autograd::grad({y}, leaves, {at::randn(y.sizes()).to(at::kBFloat16).to(y.scalar_type())});
    results.insert(results.begin(), y.detach());
    return results;
  }

  static void expect_alike(const Form& kernel, const Form& plain, const Tensors& inputs) {
    const Tensors got = results_of(kernel, inputs, at::kFloat), expected = results_of(plain, inputs, at::kDouble);
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].sizes(), expected[i].sizes()) << i;
      EXPECT_LT(difference(got[i], expected[i]), kRounded) << i;
    }
  }

  static Form mlp(Activation activation) {
    return [activation](const Tensors& in) { return amx_mlp(in[0], {in[1], in[2], in[3], in[4]}, activation); };
  }

  static Form plain_mlp(Activation activation) {
    return [activation](const Tensors& in) {
      const at::Tensor inner = at::linear(in[0], in[1], in[2]);
      return at::linear(activation == Activation::gelu ? at::gelu(inner) : at::silu(inner), in[3], in[4]);
    };
  }

  Tensors mlp_inputs() const {
    return {at::randn({GetParam(), 64}), at::randn({288, 64}) / 8, at::randn({288}), at::randn({96, 288}) / 17,
            at::randn({96})};
  }
};

TEST_P(AmxTest, ALinearLayerAndItsGradientsAreThoseOfPyTorch) {
  const Form kernel = [](const Tensors& in) { return amx_linear(in[0], in[1], in[2]); };
  const Form plain = [](const Tensors& in) { return at::linear(in[0], in[1], in[2]); };
  expect_alike(kernel, plain, {at::randn({GetParam(), 96}), at::randn({160, 96}) / 10, at::randn({160})});
}

TEST_P(AmxTest, WithoutABias) {
  const Form kernel = [](const Tensors& in) { return amx_linear(in[0], in[1], {}); };
  const Form plain = [](const Tensors& in) { return at::linear(in[0], in[1]); };
  expect_alike(kernel, plain, {at::randn({GetParam(), 32}), at::randn({64, 32}) / 6});
}

TEST_P(AmxTest, AnMlpAndItsGradientsAreThoseOfPyTorch) {
  for (const Activation activation : {Activation::gelu, Activation::silu}) {
    expect_alike(mlp(activation), plain_mlp(activation), mlp_inputs());
  }
}

TEST_P(AmxTest, EveryRunGivesTheSameBits) {
  const Tensors inputs = mlp_inputs();
  const auto one = results_of(mlp(Activation::gelu), inputs, at::kFloat),
             two = results_of(mlp(Activation::gelu), inputs, at::kFloat);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << i;
}

TEST_P(AmxTest, FrozenWeightsGetNoGradient) {
  const Tensors in = mlp_inputs();
  const at::Tensor x = in[0].clone().set_requires_grad(true);
  const at::Tensor y = amx_mlp(x, {in[1], in[2], in[3], in[4]}, Activation::gelu);
  const auto got = torch::autograd::grad({y}, {x}, {at::ones_like(y)})[0];
  Tensors wide;
  for (const at::Tensor& input : in) wide.push_back(input.to(at::kDouble));
  wide[0].set_requires_grad(true);
  const at::Tensor expected = plain_mlp(Activation::gelu)(wide);
  EXPECT_LT(difference(got, torch::autograd::grad({expected}, {wide[0]}, {at::ones_like(expected)})[0]), kRounded);
}

TEST_P(AmxTest, ActivationsAreRightFarFromZeroAndNearIt) {
  const at::Tensor x = at::linspace(-20, 20, GetParam() * 32).view({GetParam(), 32}).to(at::kBFloat16).to(at::kFloat);
  const at::Tensor one = at::eye(32), none = at::zeros({32});
  for (const Activation activation : {Activation::gelu, Activation::silu}) {
    const at::Tensor got = mlp(activation)({x, one, none, one, none}).to(at::kDouble);
    const at::Tensor expected = plain_mlp(activation)({x, one, none, one, none}).to(at::kDouble);
    EXPECT_TRUE((got - expected).abs().le(expected.abs() / 200 + 2e-6).all().item<bool>());
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, AmxTest, testing::Values(1, 32, 44, 128, 301));

TEST(TakesAmxLinearTest, OnlyWhereBfloat16IsDifferentiatedOnACpuThatHasIt) {
  const at::Tensor x = at::ones({2, 32}), weight = at::ones({64, 32});
  EXPECT_FALSE(takes_amx_linear(x, weight));
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  EXPECT_EQ(takes_amx_linear(x, weight), has_amx());
  EXPECT_FALSE(takes_amx_linear(at::ones({0, 32}), weight));
  EXPECT_FALSE(takes_amx_linear(at::ones({2, 40}), at::ones({64, 40})));
  EXPECT_FALSE(takes_amx_linear(x, weight.to(at::kBFloat16)));
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

}  // namespace
}  // namespace physgen
