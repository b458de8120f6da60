#include "bench/activation_memory.h"

#include <gtest/gtest.h>

#include <torch/torch.h>

#include <physgen/policy/loss_noise.h>

#include "bench/random_policy.h"
#include "device/autocast_scope.h"
#include "device/memory_count.h"
#include "support/tiny_model.h"

namespace physgen {
namespace {

// Deeper than what is run to plan it.
PolicyConfig deep_policy() {
  ModelConfig model = tiny_model_config();
  model.backbone.video_depth = 5;
  model.backbone.image_depth = 6;
  model.backbone.decoder_depth = 3;
  model.head.depth = 4;
  return random_policy(model, tiny_policy_config().vae, {.cameras = {"camera"}, .height = 16, .width = 16});
}

// What the forward pass of the whole model really takes, with the fewest patches shown or the most.
int64_t held_by(const PolicyConfig& policy, const FinetuneConfig& config, TrainMode mode, int64_t windows,
                at::ScalarType dtype, double share) {
  MemoryCount count(at::kCPU);
  PhysGenModel model = make_model(policy.model);
  prepare_training(model, mode, config.lora_rank, config.lora_alpha);
  const WindowBatch batch = random_windows(policy, windows);
  LossNoise noise = draw_loss_noise(policy.model, config.loss, {.count = windows});
  const int64_t frames = windows * policy.model.packs, patches = policy.model.backbone.image_tokens();
  noise.frame_mask = draw_frame_mask(share, at::rand({frames, patches}));
  count_loss_terms(policy.model, batch, noise, config.loss);
  const int64_t before = count.held();
  count.forget_peak();
  {
    const AutocastScope autocast(at::kCPU, dtype);
    const Losses losses = compute_losses(model, batch, noise, config.loss);
    (losses.observation_sum + losses.action_sum).backward();
  }
  return count.peak() - before;
}

void expect_planned(const PolicyConfig& policy, TrainMode mode, int64_t windows, at::ScalarType dtype) {
  FinetuneConfig config;
  config.lora_rank = 4;
  int64_t real = 0;
  for (const double share : {0.0, 1.0}) {
    real = std::max(real, held_by(policy, config, mode, windows, dtype, share));
  }
  const int64_t planned = activation_memory(policy, config, mode, windows, {at::kCPU, dtype});
  EXPECT_NEAR(static_cast<double>(planned) / static_cast<double>(real), 1, 0.05)
      << planned << " planned, " << real << " real, mode " << text_of(mode) << ", " << windows << " windows";
}

TEST(ActivationMemory, OfADeepModelIsFoundWithoutRunningIt) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    expect_planned(deep_policy(), TrainMode::full, 9, dtype);
    expect_planned(deep_policy(), TrainMode::lora, 5, dtype);
  }
}

TEST(ActivationMemory, OfALongSequenceIsFoundFromAShorterOne) {
  PolicyConfig policy = deep_policy();
  ModelConfig& model = policy.model;
  model.backbone.text_slots = model.backbone.text_rows = 520;
  model.packs = 6;
  expect_planned(policy, TrainMode::full, 2, at::kFloat);
}

TEST(EncodingMemory, GrowsWithTheCanvasAndTheFramesAtOnce) {
  PolicyConfig policy = deep_policy();
  policy.canvas.height = policy.canvas.width = 128;
  const Compute compute{at::kCPU, at::kFloat};
  const EncodingMemory some = encoding_memory(policy, 4, compute), more = encoding_memory(policy, 8, compute);
  EXPECT_EQ(some.weights, more.weights);
  EXPECT_NEAR(static_cast<double>(more.activations) / static_cast<double>(some.activations), 2, 0.1);
  policy.canvas.height *= 8;  // more than is run
  const EncodingMemory higher = encoding_memory(policy, 4, compute);
  EXPECT_NEAR(static_cast<double>(higher.activations) / static_cast<double>(some.activations), 8, 0.4);
}

}  // namespace
}  // namespace physgen
