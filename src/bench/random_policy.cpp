#include "bench/random_policy.h"

#include <algorithm>

#include <torch/torch.h>

#include <physgen/layers/initialization.h>

namespace physgen {
namespace {

constexpr const char* kInstruction = "Push the cube.";
constexpr uint64_t kSeed = 7;

Normalizer unit_range(int64_t width) { return {std::vector<double>(width, -1), std::vector<double>(width, 1)}; }

}  // namespace

at::Generator benchmark_generator(Stream stream, uint64_t index) {
  return at::make_generator<at::CPUGeneratorImpl>(mixed_seed(kSeed, stream, index));
}

PolicyConfig random_policy(const ModelConfig& model, const VaeConfig& vae, const CanvasConfig& canvas) {
  PolicyConfig policy;
  policy.model = model;
  policy.vae = vae;
  policy.canvas = canvas;
  policy.control_mode = "pd_joint_pos";
  CodecConfig& codec = policy.model.codec;
  if (codec.action_width == 0) codec.action_width = 8;
  if (codec.state_width == 0) codec.state_width = 9;
  if (codec.stem_views == 0) codec.stem_views = static_cast<int64_t>(canvas.cameras.size());
  policy.instructions = {kInstruction};
  policy.actions = unit_range(codec.action_width);
  policy.states = unit_range(codec.state_width);
  check_sizes(policy, "the benchmark's policy");
  return policy;
}

LoadedPolicy random_weights(const PolicyConfig& config) {
  LoadedPolicy policy{config, PhysGenModel(config.model), CausalVae(config.vae)};
  at::Generator random = benchmark_generator(Stream::weights);
  initialize(*policy.model, random);
  initialize(*policy.vae, benchmark_generator(Stream::weights, 1));
  const at::NoGradGuard no_gradient;
  for (auto& item : policy.model->named_parameters()) {
    const bool silent = item.value().dim() > 1 && item.value().abs().max().item<float>() == 0;
    if (silent) item.value().normal_(0, 0.05, random);
  }
  return policy;
}

WindowBatch random_windows(const PolicyConfig& config, int64_t windows) {
  at::Generator random = benchmark_generator(Stream::clips);
  const ModelConfig& model = config.model;
  const NovaConfig& nova = model.backbone;
  const int64_t frames = model.packs + 1, chunks = model.packs + model.head.chunks - 1, length = model.codec.chunk;
  auto numbers = [&](at::IntArrayRef shape) { return at::randn(shape, random); };
  WindowBatch batch;
  batch.latents = numbers({windows, frames, nova.latent_channels, nova.latent_height, nova.latent_width});
  batch.frame_valid = at::ones({windows, frames}, at::kBool);
  batch.actions = numbers({windows, chunks, length, model.codec.action_width}).clamp(-1, 1);
  batch.action_valid = at::ones({windows, chunks, length}, at::kBool);
  if (model.codec.state_token) batch.states = numbers({windows, frames, model.codec.state_width}).clamp(-1, 1);
  batch.instructions.assign(windows, config.instructions.empty() ? kInstruction : config.instructions.front());
  return batch;
}

CalibrationWindow random_calibration_window(const PolicyConfig& config) {
  const int64_t packs = std::min<int64_t>(config.model.packs, 2);
  const WindowBatch windows = random_windows(config, 1);
  CalibrationWindow window{
      random_frames(config, packs), windows.actions[0].narrow(0, 0, packs), {}, windows.instructions.front()};
  if (windows.states.defined()) window.states = windows.states[0].narrow(0, 0, packs);
  return window;
}

at::Tensor random_frames(const PolicyConfig& config, int64_t count) {
  const std::vector<int64_t> shape = {count, config.canvas.height, config.canvas.width, 3};
  return at::randint(256, shape, benchmark_generator(Stream::rollout), at::kByte);
}

Observation random_observation(const PolicyConfig& config, uint64_t number) {
  at::Generator random = benchmark_generator(Stream::rollout, number);
  const int64_t height = config.canvas.height, width = config.canvas.width;
  Observation observation;
  for (size_t i = 0; i < config.canvas.cameras.size(); ++i) {
    at::Tensor pixels = at::randint(256, {height * width * 3}, random, at::kByte);
    const auto* bytes = pixels.const_data_ptr<uint8_t>();
    observation.views.push_back({height, width, {bytes, bytes + pixels.numel()}});
  }
  observation.state.assign(config.model.codec.state_width, 0.0f);
  return observation;
}

}  // namespace physgen
