#include "kernels/group_norm_silu.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "kernels/agreement.h"

namespace physgen {
namespace {

/// Values, weights and what the outcome depends on, in float64 as the truth and as the fused path gets them.
struct Sample {
  Sample(at::IntArrayRef sizes, at::ScalarType dtype) {
    at::manual_seed(1);
    const int64_t channels = sizes[1];
    x = (at::randn(sizes, at::kDouble) * 2 + 0.5).to(dtype).to(at::kDouble);
    weight = at::randn({channels}, at::kFloat).to(at::kDouble);
    bias = at::randn({channels}, at::kFloat).to(at::kDouble);
    gradient = at::randn(sizes, at::kDouble).to(dtype).to(at::kDouble);
    fused_x = x.to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
    for (at::Tensor* tensor : {&x, &weight, &bias, &fused_x}) tensor->set_requires_grad(true);
    fused_weight = weight.detach().to(at::kFloat).set_requires_grad(true);
    fused_bias = bias.detach().to(at::kFloat).set_requires_grad(true);
  }

  at::Tensor x, weight, bias, gradient, fused_x, fused_weight, fused_bias;
};

using Case = std::tuple<std::vector<int64_t>, int64_t, at::ScalarType, bool>;
class GroupNormSiluTest : public testing::TestWithParam<Case> {};

TEST_P(GroupNormSiluTest, TheFusedPathEqualsPyTorchsOperatorsAndTheirGradients) {
  const auto& [sizes, groups, dtype, silu] = GetParam();
  const Sample sample(sizes, dtype);
  at::Tensor expected = at::group_norm(sample.x, groups, sample.weight, sample.bias, 1e-6);
  if (silu) expected = at::silu(expected);
  const at::Tensor got = group_norm_silu(sample.fused_x, groups, sample.fused_weight, sample.fused_bias, silu);
  EXPECT_EQ(got.scalar_type(), dtype);
  EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
  const double tolerance = dtype == at::kBFloat16 ? 5e-3 : 2e-6;
  EXPECT_LT(difference(got, expected), tolerance);
  const auto truth = torch::autograd::grad({expected}, {sample.x, sample.weight, sample.bias}, {sample.gradient});
  const auto gradients = torch::autograd::grad({got}, {sample.fused_x, sample.fused_weight, sample.fused_bias},
                                               {sample.gradient.to(dtype)});
  for (size_t i = 0; i < truth.size(); ++i) EXPECT_LT(difference(gradients[i], truth[i]), 2 * tolerance) << i;
}

TEST_P(GroupNormSiluTest, TheGpusKernelEqualsPyTorchsOperators) {
  if (!at::hasCUDA()) GTEST_SKIP() << "there is no GPU";
  const auto& [sizes, groups, dtype, silu] = GetParam();
  const Sample sample(sizes, dtype);
  const at::NoGradGuard no_gradient;
  at::Tensor expected = at::group_norm(sample.x, groups, sample.weight, sample.bias, 1e-6);
  if (silu) expected = at::silu(expected);
  const auto there = [](const at::Tensor& x) { return x.to(at::kCUDA); };
  const auto run = [&] {
    return group_norm_silu(there(sample.fused_x), groups, there(sample.fused_weight), there(sample.fused_bias), silu);
  };
  const at::Tensor got = run();
  EXPECT_EQ(got.scalar_type(), dtype);
  EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT(difference(got.cpu(), expected), dtype == at::kBFloat16 ? 5e-3 : 4e-6);
  EXPECT_TRUE(at::equal(run(), got));
}

TEST_P(GroupNormSiluTest, AnOffsetIsAddedBefore) {
  const auto& [sizes, groups, dtype, silu] = GetParam();
  const Sample sample(sizes, dtype);
  const at::NoGradGuard no_gradient;
  const at::Tensor offset = at::randn({sizes[1]}, at::kDouble);
  at::Tensor expected = at::group_norm(sample.x + offset.view({1, -1, 1, 1}), groups, sample.weight, sample.bias, 1e-6);
  if (silu) expected = at::silu(expected);
  for (const at::Device device : {at::Device(at::kCPU), at::Device(at::hasCUDA() ? at::kCUDA : at::kCPU)}) {
    const at::Tensor x = sample.fused_x.to(device);
    const at::Tensor got = group_norm_silu(x, groups, sample.fused_weight.to(device), sample.fused_bias.to(device),
                                           silu, offset.to(device, at::kFloat));
    EXPECT_LT(difference(got.cpu(), expected), dtype == at::kBFloat16 ? 2e-2 : 4e-6) << device;
    const at::Tensor sum = sample.x + offset.view({1, -1, 1, 1}) + sample.gradient;
    const at::Tensor other = sample.gradient.to(dtype).contiguous(at::MemoryFormat::ChannelsLast).to(device);
    EXPECT_LT(difference(add_offset(x, offset.to(device, at::kFloat), other).cpu(), sum),
              dtype == at::kBFloat16 ? 1e-2 : 1e-6)
        << device;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, GroupNormSiluTest,
    testing::Combine(testing::Values(std::vector<int64_t>{2, 16, 32, 32},  // several blocks a frame
                                     std::vector<int64_t>{3, 24, 7, 5},    // odd everything
                                     std::vector<int64_t>{1, 320, 9, 9},   // more than a period
                                     std::vector<int64_t>{2, 8, 129, 67}),
                     testing::Values(1, 8), testing::Values(at::kFloat, at::kBFloat16), testing::Bool()));

TEST(GroupNormSiluTest, TheResultDoesNotDependOnTheNumberOfThreads) {
  const Sample sample({2, 24, 65, 33}, at::kFloat);
  const int threads = at::get_num_threads();
  const auto run = [&](int count) {
    at::set_num_threads(count);
    return group_norm_silu(sample.fused_x, 8, sample.fused_weight, sample.fused_bias);
  };
  const at::Tensor one = run(1), two = run(2);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, two));
}

TEST(GroupNormSiluTest, AVideoIsNormalisedOverAllItsFrames) {
  const at::Tensor video = at::randn({1, 4, 3, 5, 5}, at::kDouble), one = at::ones({4}), zero = at::zeros({4});
  const at::Tensor normal = group_norm_silu(video, 2, one, zero, /*silu=*/false).view({2, -1});
  EXPECT_TRUE(at::allclose(normal.mean(1), at::zeros({2}, at::kDouble), 0, 1e-9));
  EXPECT_TRUE(at::allclose(normal.square().mean(1), at::ones({2}, at::kDouble), 0, 1e-4));
}

TEST(GroupNormSiluTest, LargeValuesDoNotOverflow) {
  const at::Tensor x = at::randn({1, 8, 4, 4}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor y = group_norm_silu(x, 2, at::full({8}, 1e4), at::zeros({8}));
  EXPECT_TRUE(at::isfinite(y).all().item<bool>());
  EXPECT_GT(y.max().item<float>(), 1e4);
}

}  // namespace
}  // namespace physgen
