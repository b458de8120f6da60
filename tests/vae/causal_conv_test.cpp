#include "physgen/vae/causal_conv.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

namespace physgen {
namespace {

CausalConv make_conv(const ConvShape& shape) {
  CausalConv conv(shape);
  conv->to(at::kDouble);
  return conv;
}

TEST(CausalConvTest, OneFrameIsConvolvedWithTheSumOfTheTaps) {
  for (const int64_t stride : {1, 2}) {
    CausalConv conv = make_conv({.in = 3, .out = 5, .stride = stride});
    const at::Tensor frame = at::randn({2, 3, 8, 6}, at::kDouble);
    const at::Tensor video = conv->forward(frame.unsqueeze(2));  // [B, O, 1, H', W']
    EXPECT_TRUE(at::allclose(conv->forward(frame), video.squeeze(2), 1e-12, 1e-12));
  }
}

TEST(CausalConvTest, AFrameDoesNotReachTheOnesBeforeIt) {
  CausalConv conv = make_conv({.in = 2, .out = 2});
  const at::Tensor video = at::randn({1, 2, 5, 4, 4}, at::kDouble);
  at::Tensor changed = video.clone();
  changed.select(2, 3).add_(1);
  const at::Tensor difference = (conv->forward(changed) - conv->forward(video)).abs().amax({0, 1, 3, 4});
  EXPECT_EQ(difference.narrow(0, 0, 3).max().item<double>(), 0);
  EXPECT_GT(difference.narrow(0, 3, 2).min().item<double>(), 0.01);
}

TEST(CausalConvTest, TheTimeBeforeTheFirstFrameIsThatFrame) {
  CausalConv conv = make_conv({.in = 2, .out = 2});
  const at::Tensor video = at::randn({1, 2, 3, 4, 4}, at::kDouble);
  const at::Tensor first = video.narrow(2, 0, 1);
  const at::Tensor longer = conv->forward(at::cat({first, first, video}, 2));
  EXPECT_TRUE(at::allclose(conv->forward(video), longer.narrow(2, 2, 3), 1e-12, 1e-12));
}

TEST(CausalConvTest, AStrideHalvesTheFrameAndTheTime) {
  CausalConv conv = make_conv({.in = 2, .out = 2, .stride = 2});
  EXPECT_EQ(conv->forward(at::randn({1, 2, 17, 8, 12}, at::kDouble)).sizes(), at::IntArrayRef({1, 2, 9, 4, 6}));
}

TEST(CausalConvTest, AStridedConvolutionIsPaddedAtTheRightAndTheBottomOnly) {
  CausalConv conv = make_conv({.in = 1, .out = 1, .time_taps = 0, .stride = 2});
  const at::NoGradGuard no_gradient;
  conv->weight.zero_();
  conv->bias.zero_();
  conv->weight[0][0][0][0] = 1;  // takes the place itself, not the one above and left of it
  const at::Tensor x = at::arange(16, at::kDouble).view({1, 1, 4, 4});
  EXPECT_TRUE(at::equal(conv->forward(x), x.slice(2, 0, 4, 2).slice(3, 0, 4, 2)));
}

TEST(UpsamplePicture, ShiftsGiveWhatPyTorchGivesAndItsGradients) {
  const at::Tensor x = at::randn({2, 3, 5, 4}, at::kDouble).set_requires_grad(true);
  const at::Tensor expected = upsample_picture(x), got = upsample_by_shifts(x);
  EXPECT_TRUE(at::allclose(got, expected, 1e-12, 1e-12));
  const at::Tensor gradient = at::randn_like(got);
  const auto truth = torch::autograd::grad({expected}, {x}, {gradient});
  EXPECT_TRUE(at::allclose(torch::autograd::grad({got}, {x}, {gradient})[0], truth[0], 1e-12, 1e-12));
  EXPECT_TRUE(at::allclose(upsample_by_shifts(x.narrow(2, 0, 1)), upsample_picture(x.narrow(2, 0, 1)), 1e-12, 1e-12));
}

TEST(CausalConvTest, ItComputesInTheDtypeOfItsInput) {
  CausalConv conv(ConvShape{.in = 2, .out = 2});
  EXPECT_EQ(conv->forward(at::randn({1, 2, 4, 4}).to(at::kBFloat16)).scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace physgen
