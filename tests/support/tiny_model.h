#pragma once

#include <torch/torch.h>

#include <physgen/policy/losses.h>
#include <physgen/policy/physgen_model.h>
#include <physgen/policy/policy_config.h>

#include <physgen/layers/initialization.h>

namespace physgen {

/// A generator of its own.
inline at::Generator generator(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

/// The sizes of a model that runs in milliseconds: 2 x 2 frame tokens, 4 actions of 3 dimensions, 3 packs.
inline ModelConfig tiny_model_config() {
  ModelConfig config;
  config.backbone = {.width = 32,
                     .heads = 2,
                     .video_depth = 2,
                     .image_depth = 2,
                     .decoder_width = 24,
                     .decoder_depth = 1,
                     .latent_channels = 2,
                     .latent_height = 8,
                     .latent_width = 8,
                     .text_width = 16,
                     .text_slots = 3,
                     .text_rows = 4,
                     .motion_embed = false};
  config.codec = {.action_width = 3, .state_width = 5, .chunk = 4, .execute = 4};
  config.head = {.width = 16, .depth = 2, .heads = 2, .chunks = 2, .condition = HeadCondition::pack};
  config.packs = 3;
  return config;
}

/// What such a model is saved with: a canvas of 16 x 16 pixels, one camera.
inline PolicyConfig tiny_policy_config() {
  PolicyConfig config;
  config.model = tiny_model_config();
  config.vae = {.widths = {8, 8},
                .layers_per_block = 1,
                .decoder_layers_per_block = 1,
                .norm_groups = 4,
                .latent_channels = 2,
                .time_taps = 1};
  config.canvas = {.cameras = {"render_camera"}, .height = 16, .width = 16};
  config.control_mode = "pd_joint_pos";
  config.tasks = {"PushCube-v1"};
  config.instructions = {"push it"};
  config.actions = {{-1, -2, -3}, {1, 2, 3}};
  config.seeds_tried = {{0, 9}};
  config.step = 12;
  return config;
}

/// A model with weights of `seed`; matrices that begin at zero are replaced, or what lies behind them would not be
/// seen.
inline PhysGenModel make_model(const ModelConfig& config, uint64_t seed = 1) {
  PhysGenModel model(config);
  auto random = generator(seed);
  initialize(*model, random);
  torch::NoGradGuard no_grad;
  for (auto& item : model->named_parameters()) {
    const bool silent = item.value().dim() > 1 && item.value().abs().max().item<float>() == 0;
    if (silent) item.value().normal_(0, 0.1, random);
  }
  return model;
}

/// A batch of random windows, all of it valid.
inline WindowBatch make_batch(const ModelConfig& config, int64_t batch, uint64_t seed = 2) {
  auto random = generator(seed);
  const NovaConfig& nova = config.backbone;
  const int64_t packs = config.packs, chunks = packs + config.head.chunks - 1, length = config.codec.chunk;
  WindowBatch windows;
  windows.latents = at::randn({batch, packs + 1, nova.latent_channels, nova.latent_height, nova.latent_width}, random);
  windows.frame_valid = at::ones({batch, packs + 1}, at::kBool);
  windows.actions = at::rand({batch, chunks, length, config.codec.action_width}, random) * 2 - 1;
  windows.action_valid = at::ones({batch, chunks, length}, at::kBool);
  if (config.codec.state_token) {
    windows.states = at::rand({batch, packs + 1, config.codec.state_width}, random) * 2 - 1;
  }
  windows.instructions.assign(batch, "push it");
  return windows;
}

/// The inputs of the packs of a window, as the losses make them.
inline PackInputs make_inputs(const ModelConfig& config, int64_t batch, uint64_t seed = 2) {
  WindowBatch windows = make_batch(config, batch, seed);
  PackInputs inputs{windows.latents.narrow(1, 0, config.packs), windows.actions.narrow(1, 0, config.packs), {}};
  if (windows.states.defined()) inputs.states = windows.states.narrow(1, 0, config.packs);
  return inputs;
}

}  // namespace physgen
