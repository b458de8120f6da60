#include "physgen/vae/causal_vae.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include <physgen/layers/initialization.h>
#include "support/problem_of.h"

namespace physgen {
namespace {

const VaeConfig kSmall{.widths = {4, 8, 8, 12}, .layers_per_block = 1, .decoder_layers_per_block = 2, .norm_groups = 2};

/// A VAE of random weights, norms included, in float64.
CausalVae make_vae(const VaeConfig& config = kSmall) {
  at::manual_seed(3);
  CausalVae vae(config);
  const at::NoGradGuard no_gradient;
  for (auto& parameter : vae->parameters()) {
    if (parameter.dim() == 1) parameter.add_(at::randn_like(parameter), 0.2);
  }
  vae->to(at::kDouble);
  return vae;
}

at::Tensor random_frames(at::IntArrayRef sizes) { return at::rand(sizes, at::kDouble) * 2 - 1; }

std::string line_of(const std::string& name, const at::Tensor& tensor) {
  std::ostringstream line;
  line << name << "\t" << tensor.sizes() << "\tparam";
  return line.str();
}

TEST(CausalVaeTest, TheFullSizeHasTheTensorsOfTheReferenceByNameShapeAndOrder) {
  const CausalVae vae(VaeConfig{}, at::kMeta);
  std::ifstream table(PHYSGEN_SOURCE_DIR "/tests/golden/nova_tensors_vae_opensora.tsv");
  std::string line;
  size_t count = 0;
  const auto parameters = vae->named_parameters();
  for (; std::getline(table, line); ++count) {
    ASSERT_LT(count, parameters.size());
    EXPECT_EQ(line_of(parameters[count].key(), parameters[count].value()), line);
  }
  EXPECT_EQ(count, 248);
  EXPECT_EQ(parameters.size(), count);
  EXPECT_TRUE(vae->named_buffers().is_empty());
}

TEST(CausalVaeTest, AFrameOnItsOwnIsAVideoOfOneFrame) {
  for (const int64_t patch : {1, 2}) {
    VaeConfig config = kSmall;
    config.patch = patch;
    const CausalVae vae = make_vae(config);
    const at::Tensor frames = random_frames({2, 3, 32, 48});
    const LatentMoments one = vae->encode(frames), video = vae->encode(frames.unsqueeze(2));
    EXPECT_EQ(one.mean.sizes(), at::IntArrayRef({2, 4, 32 / config.stride(), 48 / config.stride()}));
    EXPECT_TRUE(at::allclose(one.mean, video.mean.squeeze(2), 1e-10, 1e-10));
    EXPECT_TRUE(at::allclose(one.log_variance, video.log_variance.squeeze(2), 1e-10, 1e-10));
    const at::Tensor decoded = vae->decode(one.mean);
    EXPECT_EQ(decoded.sizes(), frames.sizes());
    EXPECT_TRUE(at::allclose(decoded, vae->decode(one.mean.unsqueeze(2)).squeeze(2), 1e-10, 1e-10));
  }
}

TEST(CausalVaeTest, SeventeenFramesAreFiveLatentsAndBack) {
  const CausalVae vae = make_vae();
  const at::Tensor latents = vae->encode(random_frames({1, 3, 17, 16, 16})).mean;
  EXPECT_EQ(latents.sizes(), at::IntArrayRef({1, 4, 5, 2, 2}));
  EXPECT_EQ(vae->decode(latents).sizes(), at::IntArrayRef({1, 3, 17, 16, 16}));
}

TEST(CausalVaeTest, FramesOfABatchDoNotSeeEachOther) {
  const CausalVae vae = make_vae();
  const at::Tensor frames = random_frames({3, 3, 16, 16});
  EXPECT_TRUE(at::allclose(vae->encode(frames).mean[1], vae->encode(frames.narrow(0, 1, 1)).mean[0], 1e-10, 1e-10));
}

TEST(CausalVaeTest, SinglePrecisionTakesTheFusedPathAndAgreesWithDouble) {
  CausalVae vae = make_vae();
  const at::Tensor frames = random_frames({2, 3, 32, 32});
  const at::Tensor truth = vae->encode(frames).mean;
  EXPECT_TRUE(at::allclose(vae->encode(frames.to(at::kFloat)).mean.to(at::kDouble), truth, 1e-4, 1e-5));
}

TEST(CausalVaeTest, EveryParameterGetsAGradient) {
  CausalVae vae = make_vae();
  vae->to(at::kFloat);
  const LatentMoments moments = vae->encode(random_frames({2, 3, 16, 16}).to(at::kFloat));
  const at::Tensor made = vae->decode(moments.sample(at::randn_like(moments.mean)));
  made.square().mean().backward();
  for (const auto& item : vae->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().max().item<float>(), 0) << item.key();
  }
}

TEST(CausalVaeTest, TheSampleIsTheMeanPlusTheDeviationTimesTheNoise) {
  const LatentMoments moments{at::tensor({1.0, 2.0}), at::tensor({0.0, std::log(9.0)})};
  EXPECT_TRUE(at::allclose(moments.sample(at::tensor({1.0, -1.0})), at::tensor({2.0, -1.0})));
}

TEST(CausalVaeTest, LatentsAreNormalisedByTheScalingFactorOrByTheirOwnStatistics) {
  const at::Tensor latents = at::randn({2, 4, 3, 3});
  CausalVae vae = make_vae();
  EXPECT_TRUE(at::allclose(vae->normalize(latents), latents * 0.18215));
  vae->config.latent_mean = {1, 2, 3, 4};
  vae->config.latent_deviation = {1, 1, 2, 4};
  EXPECT_TRUE(at::allclose(vae->normalize(latents).select(1, 3), (latents.select(1, 3) - 4) / 4));
  EXPECT_TRUE(at::allclose(vae->denormalize(vae->normalize(latents)), latents, 1e-5, 1e-6));
}

TEST(CausalVaeTest, FramesThatCannotBeHalvedDownToLatentsAreRefused) {
  const CausalVae vae = make_vae();
  EXPECT_THROW(vae->encode(random_frames({1, 3, 12, 16})), c10::ValueError);
  EXPECT_THROW(vae->encode(random_frames({1, 4, 16, 16})), c10::ValueError);
  EXPECT_THROW(vae->decode(random_frames({1, 3, 2, 2})), c10::ValueError);
}

TEST(CausalVaeTest, AConfigThatDoesNotFitIsRefused) {
  EXPECT_EQ(problem_of<ConfigError>([] { CausalVae vae(VaeConfig{.widths = {30, 64}}); }).where, "widths[0]");
}

}  // namespace
}  // namespace physgen
