#include "physgen/kernels/byte_scale.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "kernels/group_norm_silu.h"

namespace physgen {
namespace {

at::Tensor numbers_of(const at::Tensor& bytes, const ByteScale& scale) {
  return (bytes.to(at::kFloat) - static_cast<double>(scale.zero)) * scale.step;
}

TEST(ByteScale, ReachesBothEndsAndNought) {
  const ByteScale scale = byte_scale(-1, 4);
  EXPECT_EQ(scale.zero, 51);
  EXPECT_NEAR(scale.step * static_cast<double>(255 - scale.zero), 4, 1e-12);
  EXPECT_EQ(byte_scale(2, 5).zero, 0);
  EXPECT_EQ(byte_scale(-5, -2).zero, 255);
  EXPECT_EQ(byte_scale(0, 0), ByteScale());
}

TEST(ToBytes, RoundsToTheNearestAndHoldsWhatIsBeyond) {
  at::manual_seed(1);
  const ByteScale scale = byte_scale(-1, 3);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = (at::randn({3, 5, 7, 11}) * 2).to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor bytes = to_bytes(x, scale);
    EXPECT_EQ(bytes.scalar_type(), at::kByte);
    EXPECT_TRUE(bytes.is_contiguous(at::MemoryFormat::ChannelsLast));
    const at::Tensor held = x.to(at::kFloat).clamp(-scale.step * static_cast<double>(scale.zero), 3);
    EXPECT_LE((numbers_of(bytes, scale) - held).abs().max().item<double>(), scale.step * 0.5001);
    EXPECT_GT((x.to(at::kFloat) - held).abs().max().item<double>(), 1);
  }
}

TEST(ToBytes, NoughtIsExact) {
  const ByteScale scale = byte_scale(-0.3, 7);
  EXPECT_EQ(numbers_of(to_bytes(at::zeros({4}), scale), scale).abs().max().item<double>(), 0);
}

TEST(ToBytes, OtherNumbersAreRefused) {
  EXPECT_THROW(to_bytes(at::zeros({4}, at::kDouble), {}), c10::ValueError);
  EXPECT_THROW(to_bytes(at::zeros({4, 4}).narrow(1, 0, 2), {}), c10::ValueError);
}

TEST(ChannelBytes, EachChannelHasStepsOfItsOwn) {
  at::manual_seed(2);
  const at::Tensor weight = at::randn({4, 3, 3, 3}) * at::tensor({1.0, 0.01, 100.0, 0.0}).view({4, 1, 1, 1});
  const ChannelBytes channels = channel_bytes(weight);
  EXPECT_EQ(channels.bytes.sizes(), weight.sizes());
  const at::Tensor steps = channels.steps.view({4, 1, 1, 1});
  EXPECT_TRUE(((channels.bytes.to(at::kFloat) * steps - weight).abs() <= steps * 0.5001).all().item<bool>());
  EXPECT_EQ(channels.bytes[0].abs().max().item<int64_t>(), 127);
  EXPECT_EQ(channels.bytes[3].abs().max().item<int64_t>(), 0);
}

TEST(GroupNormSiluBytes, AreTheBytesOfGroupNormSilu) {
  at::manual_seed(3);
  const at::Tensor weight = at::randn({24}), bias = at::randn({24});
  const ByteScale scale = byte_scale(-0.3, 4);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const bool silu : {true, false}) {
      const at::Tensor x = at::randn({2, 24, 13, 17}).to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor got = group_norm_silu_bytes(x, 6, weight, bias, scale, silu);
      const at::Tensor apart =
          to_bytes(group_norm_silu(x.to(at::kFloat), 6, weight, bias, silu), scale).to(at::kFloat) - got;
      EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
      EXPECT_LE(apart.abs().max().item<double>(), 1);
      EXPECT_LT(apart.abs().mean().item<double>(), 1e-3);
    }
  }
}

}  // namespace
}  // namespace physgen
