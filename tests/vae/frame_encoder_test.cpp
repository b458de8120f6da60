#include "physgen/vae/frame_encoder.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "physgen/vae/causal_vae.h"
#include "support/test_device.h"

namespace physgen {
namespace {

VaeConfig small_config(int64_t patch) {
  return {.widths = {16, 24, 32},
          .layers_per_block = 1,
          .decoder_layers_per_block = 1,
          .norm_groups = 8,
          .patch = patch,
          .latent_mean = {0.5, -0.25, 0, 2},
          .latent_deviation = {0.5, 2, 1, 3}};
}

CausalVae make_vae(const VaeConfig& config) {
  at::manual_seed(5);
  CausalVae vae(config);
  const at::NoGradGuard no_gradient;
  for (auto& parameter : vae->parameters()) {
    if (parameter.dim() == 1) parameter.add_(at::randn_like(parameter), 0.2);
  }
  return vae;
}

at::Tensor random_bytes() {
  at::manual_seed(6);
  return at::randint(256, {2, 32, 48, 3}, at::kByte);
}

/// What the encoder stands for, in the VAE's own words.
at::Tensor expected_latents(const CausalVae& vae, const at::Tensor& bytes) {
  const at::NoGradGuard no_gradient;
  const at::Tensor frames = (bytes.permute({0, 3, 1, 2}).to(at::kFloat) - 127.5) / 127.5;
  return vae->normalize(vae->encode(frames).mean);
}

TEST(FrameEncoderTest, ItGivesWhatTheVaeGives) {
  for (const int64_t patch : {1, 2}) {
    for (const int64_t taps : {1, 3}) {
      VaeConfig config = small_config(patch);
      config.time_taps = taps;
      const CausalVae vae = make_vae(config);
      const at::Tensor got = FrameEncoder(vae, test_device(), at::kFloat).encode(random_bytes()).cpu();
      EXPECT_EQ(got.scalar_type(), at::kFloat);
      EXPECT_TRUE(at::allclose(got, expected_latents(vae, random_bytes()), 1e-4, 1e-5)) << patch << " " << taps;
    }
  }
}

TEST(FrameEncoderTest, ItGivesWhatAVaeWithAScalingFactorGives) {
  VaeConfig config = small_config(1);
  config.latent_mean = config.latent_deviation = {};
  const CausalVae vae = make_vae(config);
  const at::Tensor got = FrameEncoder(vae, test_device(), at::kFloat).encode(random_bytes()).cpu();
  EXPECT_TRUE(at::allclose(got, expected_latents(vae, random_bytes()), 1e-4, 1e-5));
}

// Wide enough for the convolutions that CPUs with AMX have.
TEST(FrameEncoderTest, WideOnesGiveWhatTheirVaeGives) {
  VaeConfig config = small_config(1);
  config.widths = {32, 64, 96};
  config.layers_per_block = 2;
  const CausalVae vae = make_vae(config);
  at::manual_seed(7);
  const at::Tensor frames = at::randint(256, {2, 40, 140, 3}, at::kByte), truth = expected_latents(vae, frames);
  const FrameEncoder encoder(vae, test_device(), at::kFloat);
  const at::Tensor got = encoder.encode(frames).cpu();
  EXPECT_TRUE(at::allclose(got, truth, 1e-4, 1e-5));
  EXPECT_TRUE(at::equal(encoder.encode(frames).cpu(), got));
  const at::Tensor rounded = FrameEncoder(vae, test_device(), at::kBFloat16).encode(frames).cpu();
  EXPECT_GT(at::cosine_similarity(rounded.flatten(), truth.flatten(), 0).item<double>(), 0.9995);
}

TEST(FrameEncoderTest, Bfloat16PointsTheSameWay) {
  const CausalVae vae = make_vae(small_config(1));
  const at::Tensor got = FrameEncoder(vae, test_device(), at::kBFloat16).encode(random_bytes()).cpu();
  EXPECT_EQ(got.scalar_type(), at::kFloat);
  const at::Tensor truth = expected_latents(vae, random_bytes());
  EXPECT_GT(at::cosine_similarity(got.flatten(), truth.flatten(), 0).item<double>(), 0.9995);
}

TEST(FrameEncoderTest, ItIsASnapshotThatLaterTrainingDoesNotReach) {
  const CausalVae vae = make_vae(small_config(1));
  const FrameEncoder encoder(vae, test_device(), at::kFloat);
  const at::Tensor before = encoder.encode(random_bytes());
  {
    const at::NoGradGuard no_gradient;
    for (auto& parameter : vae->parameters()) parameter.add_(1);
  }
  EXPECT_TRUE(at::equal(encoder.encode(random_bytes()), before));
}

TEST(FrameEncoderTest, OtherThanByteFramesOfAFittingSizeAreRefused) {
  const FrameEncoder encoder(make_vae(small_config(1)), test_device(), at::kFloat);
  EXPECT_THROW(encoder.encode(random_bytes().to(at::kFloat)), c10::ValueError);
  EXPECT_THROW(encoder.encode(random_bytes().permute({0, 3, 1, 2})), c10::ValueError);
  EXPECT_THROW(encoder.encode(random_bytes().narrow(1, 0, 30)), c10::ValueError);
}

}  // namespace
}  // namespace physgen
