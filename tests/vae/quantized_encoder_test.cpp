#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "device/int8.h"
#include "physgen/vae/causal_vae.h"
#include "physgen/vae/frame_encoder.h"
#include "support/relative_error.h"
#include "vae/quantized_conv.h"

namespace physgen {
namespace {

class QuantizedEncoderTest : public testing::TestWithParam<std::vector<int64_t>> {  // widths
 protected:
  void SetUp() override {
    if (!multiplies_bytes()) GTEST_SKIP() << "this CPU does not multiply bytes";
    at::manual_seed(5);
    vae_ = CausalVae(
        VaeConfig{.widths = GetParam(), .layers_per_block = 1, .decoder_layers_per_block = 1, .norm_groups = 8});
    frames_ = at::randint(256, {2, 32, 144, 3}, at::kByte);
  }

  // What every layer that can compute in int8 meets, and what it lost by its own.
  LayerScales look() {
    LayerScales scales;
    const FrameEncoder encoder(vae_, at::kCPU, at::kFloat, {}, [&](const LayerUse& use) {
      const ByteScale scale = byte_scale(use.input.min().item<double>(), use.input.max().item<double>());
      scales[use.name] = scale;
      EXPECT_LT(relative_error(use.in_int8(scale), use.output), 0.03) << use.name;
    });
    encoder.encode(frames_);
    return scales;
  }

  CausalVae vae_{nullptr};
  at::Tensor frames_;
};

TEST_P(QuantizedEncoderTest, AConvolutionIsNearThatInFloat32) {
  const at::Tensor x = at::silu(at::randn({2, 16, 20, 24})).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor bias = at::randn({24});
  const ByteScale scale = byte_scale(x.min().item<double>(), x.max().item<double>());
  for (const int64_t kernel : {1, 3}) {
    const at::Tensor weight = at::randn({24, 16, kernel, kernel}) / 12;
    const at::Tensor truth = at::conv2d(x, weight, bias, 1, kernel / 2);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const QuantizedConv conv(weight, bias, scale, dtype);
      const at::Tensor got = conv(to_bytes(x, scale));
      EXPECT_EQ(got.scalar_type(), dtype);
      EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
      EXPECT_LT(relative_error(got, truth), 0.015);
      const at::Tensor more = at::randn(truth.sizes()).to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor sum = truth + more;
      EXPECT_LT(relative_error(conv.added(to_bytes(x, scale), more), sum), 0.015);
    }
  }
}

TEST_P(QuantizedEncoderTest, ItIsNearTheEncoderInFloat32) {
  const LayerScales scales = look();
  const at::Tensor truth = FrameEncoder(vae_, at::kCPU, at::kFloat).encode(frames_);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor got = FrameEncoder(vae_, at::kCPU, dtype, scales).encode(frames_);
    EXPECT_LT(relative_error(got, truth), 0.06);
    EXPECT_GT(relative_error(got, truth), 1e-3) << "nothing was computed in int8";
  }
}

TEST_P(QuantizedEncoderTest, EveryLayerThatCanIsSeen) {
  std::vector<std::string> seen, named = int8_layers(vae_);
  for (const auto& [name, scale] : look()) seen.push_back(name);
  std::sort(named.begin(), named.end());
  EXPECT_EQ(seen, named);
  EXPECT_EQ(named.size(), 10u);  // two of each of five blocks
}

TEST_P(QuantizedEncoderTest, LayersWithoutAScaleStayAsTheyAre) {
  LayerScales some = look();
  const at::Tensor plain = FrameEncoder(vae_, at::kCPU, at::kFloat).encode(frames_);
  const at::Tensor all = FrameEncoder(vae_, at::kCPU, at::kFloat, some).encode(frames_);
  while (some.size() > 1) some.erase(some.begin());
  const at::Tensor one = FrameEncoder(vae_, at::kCPU, at::kFloat, some).encode(frames_);
  EXPECT_GT(relative_error(one, plain), 0);
  EXPECT_LT(relative_error(one, plain), relative_error(all, plain));
}

TEST_P(QuantizedEncoderTest, TwoSnapshotsAndTwoRunsGiveTheSameBits) {
  const LayerScales scales = look();
  const FrameEncoder one(vae_, at::kCPU, at::kBFloat16, scales), other(vae_, at::kCPU, at::kBFloat16, scales);
  const at::Tensor first = one.encode(frames_);
  EXPECT_TRUE(at::equal(one.encode(frames_), first));
  EXPECT_TRUE(at::equal(other.encode(frames_), first));
}

// The second are wide enough for the convolutions that CPUs with AMX have.
INSTANTIATE_TEST_SUITE_P(Widths, QuantizedEncoderTest,
                         testing::Values(std::vector<int64_t>{16, 24, 32}, std::vector<int64_t>{64, 128, 64}));

}  // namespace
}  // namespace physgen
