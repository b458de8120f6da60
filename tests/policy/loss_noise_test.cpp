#include <physgen/policy/loss_noise.h>

#include <gtest/gtest.h>

#include "core/random.h"
#include "support/tiny_model.h"

namespace physgen {
namespace {

// The rows of `window` in the noise of some windows.
LossNoise of_window(const LossNoise& noise, int64_t window, int64_t packs) {
  const int64_t first = window * packs;
  return {noise.text_kept.narrow(0, window, 1),
          {noise.frame_mask.known_ids.narrow(0, first, packs), noise.frame_mask.unknown.narrow(0, first, packs)},
          noise.frame_noise.narrow(1, first, packs),
          noise.frame_timesteps.narrow(1, first, packs),
          noise.action_noise.narrow(0, first, packs),
          noise.action_timesteps.narrow(0, first, packs),
          {}};
}

void expect_equal(const LossNoise& a, const LossNoise& b) {
  EXPECT_TRUE(at::equal(a.text_kept, b.text_kept));
  EXPECT_TRUE(at::equal(a.frame_mask.known_ids, b.frame_mask.known_ids));
  EXPECT_TRUE(at::equal(a.frame_mask.unknown, b.frame_mask.unknown));
  EXPECT_TRUE(at::equal(a.frame_noise, b.frame_noise));
  EXPECT_TRUE(at::equal(a.frame_timesteps, b.frame_timesteps));
  EXPECT_TRUE(at::equal(a.action_noise, b.action_noise));
  EXPECT_TRUE(at::equal(a.action_timesteps, b.action_timesteps));
}

TEST(LossNoise, OfAWindowIsTheSameWhateverIsDrawnWithIt) {
  const ModelConfig model = tiny_model_config();
  const LossConfig config{.text_dropout = 0.5};
  const LossNoise together = draw_loss_noise(model, config, {.seed = 5, .first = 40, .count = 8, .step = 5});
  for (int64_t window = 0; window < 8; ++window) {
    const LossNoise alone = draw_loss_noise(model, config, {.seed = 5, .first = 40 + window, .count = 1, .step = 5});
    expect_equal(alone, of_window(together, window, model.packs));
  }
}

// A run that is resumed by another version goes on with the same noise.
TEST(LossNoise, OfAWindowIsThatOfItsOwnGenerator) {
  const ModelConfig model = tiny_model_config();
  const LossNoise noise = draw_loss_noise(model, {}, {.seed = 5, .first = 40, .count = 1});
  at::Generator random = generator(mixed_seed(5, Stream::noise, 40));
  at::rand({1}, random);                                           // whether the instruction is kept
  at::rand({model.packs, model.backbone.image_tokens()}, random);  // the order in which patches are masked
  EXPECT_TRUE(at::equal(noise.frame_noise, at::randn(noise.frame_noise.sizes(), random)));
  const at::Tensor sampling = draw_sampling_noise(model, sampling_generators({.seed = 5, .first = 40, .count = 1}));
  EXPECT_TRUE(at::equal(sampling, at::randn(sampling.sizes(), generator(mixed_seed(5, Stream::sampling, 40)))));
}

TEST(LossNoise, DiffersFromWindowToWindowAndFromSeedToSeed) {
  const ModelConfig model = tiny_model_config();
  const LossNoise noise = draw_loss_noise(model, {}, {.seed = 5, .count = 2});
  const LossNoise other = draw_loss_noise(model, {}, {.seed = 6, .count = 2});
  const LossNoise first = of_window(noise, 0, model.packs), second = of_window(noise, 1, model.packs);
  EXPECT_FALSE(at::equal(first.frame_noise, second.frame_noise));
  EXPECT_FALSE(at::equal(first.action_noise, second.action_noise));
  EXPECT_FALSE(at::equal(noise.frame_noise, other.frame_noise));
}

TEST(LossNoise, TheShareOfMaskedPatchesIsOneAStepAndChangesFromStepToStep) {
  ModelConfig model = tiny_model_config();
  model.backbone.latent_height = model.backbone.latent_width = 64;
  const auto known = [&](int64_t first, int64_t step) {
    const NoiseKey key{.seed = 1, .first = first, .count = 1, .step = step};
    return draw_loss_noise(model, {.timesteps = 1}, key).frame_mask.known_ids.size(1);
  };
  EXPECT_EQ(known(0, 3), known(7, 3));
  EXPECT_NE(known(0, 3), known(0, 4));
}

TEST(SamplingNoise, OfAWindowIsTheSameWhateverIsDrawnWithIt) {
  const ModelConfig model = tiny_model_config();
  const at::Tensor together = draw_sampling_noise(model, sampling_generators({.seed = 2, .first = 10, .count = 3}));
  const at::Tensor alone = draw_sampling_noise(model, sampling_generators({.seed = 2, .first = 11, .count = 1}));
  EXPECT_TRUE(at::equal(alone, together.narrow(0, model.packs, model.packs)));
  EXPECT_FALSE(at::equal(alone, together.narrow(0, 0, model.packs)));
}

}  // namespace
}  // namespace physgen
