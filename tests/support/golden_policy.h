#pragma once

#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <physgen/core/config.h>
#include <physgen/layers/state_dict.h>
#include <physgen/policy/losses.h>
#include <physgen/policy/physgen_model.h>
#include <physgen/train/finetune_config.h>
#include <physgen/vae/causal_vae.h>

#include "codec/pixels.h"

namespace physgen {

/// config.json of a case of tests/golden/physgen_tiny.
struct GoldenConfig {
  FinetuneConfig finetune;  ///< the model, the canvas and the recipe
  VaeConfig vae;
  std::vector<std::string> instructions;  ///< of the batch
};

template <class Field>
void describe(GoldenConfig& config, Field& field) {
  field("finetune", config.finetune);
  field("vae", config.vae);
  field("instructions", config.instructions);
}

/// The names of all cases.
inline constexpr const char* kGoldenPolicies[] = {"absolute_epsilon_state", "absolute_discrete", "absolute_flow_mixer",
                                                  "rope_epsilon_state", "rope_flow"};

/// A tiny policy on a device, a batch with its noise, and what scripts/reference/make_physgen_golden.py computed from
/// them in plain PyTorch.
class GoldenPolicy {
 public:
  explicit GoldenPolicy(const std::string& name, at::Device device = at::kCPU)
      : config(ConfigDocument::load(folder(name) + "/config.json").read(GoldenConfig{})),
        model(config.finetune.model),
        vae(config.vae),
        device_(device),
        tensors_(load_tensors(folder(name) + "/golden.safetensors")) {
    load_state_dict(*model, with_prefix(tensors_, "model."), name);
    copy_tensors(encoder_tensors(), with_prefix(tensors_, "vae."), name);
    model->to(device);
    vae->to(device);
  }

  /// Throws where the file lacks it.
  at::Tensor at(const std::string& name) const {
    at::Tensor found = find(name);
    TORCH_CHECK_VALUE(found.defined(), "the golden file has no ", name);
    return found;
  }
  /// All that begin with `prefix`, by the rest of their names.
  NamedTensors all(const std::string& prefix) const { return with_prefix(tensors_, prefix); }

  WindowBatch batch() const {
    return {.latents = at("expected.latents"),
            .input_latents = find("batch.input_latents"),
            .frame_valid = at("batch.frame_valid"),
            .actions = at("batch.actions"),
            .action_valid = at("batch.action_valid"),
            .states = find("batch.states"),
            .instructions = config.instructions};
  }

  LossNoise noise() const {
    return {.text_kept = at("noise.text_kept"),
            .frame_mask = {at("noise.known_ids"), at("noise.unknown")},
            .frame_noise = at("noise.frame_noise"),
            .frame_timesteps = at("noise.frame_timesteps"),
            .action_noise = at("noise.action_noise"),
            .action_timesteps = at("noise.action_timesteps"),
            .decoded = {}};
  }

  /// What the packs of the batch show, on the device.
  PackInputs inputs() const {
    const WindowBatch given = moved(batch(), device_);
    const int64_t packs = config.finetune.model.packs;
    PackInputs inputs{
        given.input_latents.defined() ? given.input_latents : given.latents.narrow(1, 0, packs),
        at::cat({at::zeros_like(given.actions.narrow(1, 0, 1)), given.actions.narrow(1, 0, packs - 1)}, 1),
        {}};
    if (given.states.defined()) inputs.states = given.states.narrow(1, 0, packs);
    return inputs;
  }

  GoldenConfig config;
  PhysGenModel model;
  CausalVae vae;

 private:
  static std::string folder(const std::string& name) { return PHYSGEN_SOURCE_DIR "/tests/golden/physgen_tiny/" + name; }

  at::Tensor find(const std::string& name) const {
    for (const auto& [key, tensor] : tensors_) {
      if (key == name) return tensor;
    }
    return {};
  }

  // Latents are made by the encoder alone: the files hold no decoder.
  NamedTensors encoder_tensors() const {
    NamedTensors tensors;
    for (const auto& [name, tensor] : state_dict(*vae)) {
      if (name.starts_with("encoder.") || name.starts_with("quant_conv.")) tensors.emplace_back(name, tensor);
    }
    return tensors;
  }

  at::Device device_;
  NamedTensors tensors_;
};

/// The greatest difference over the greatest absolute value of what is wanted: how far apart two tensors are, as all
/// golden comparisons measure it. Infinite for another shape, a number that is not finite, and anything but zeros where
/// zeros are wanted.
inline double deviation(const at::Tensor& got, const at::Tensor& wanted) {
  if (got.sizes() != wanted.sizes() || wanted.numel() == 0) return std::numeric_limits<double>::infinity();
  const double most = (got.detach().to(at::kCPU, at::kDouble) - wanted.to(at::kDouble)).abs().max().item<double>();
  if (most == 0) return 0;
  const double share = most / wanted.to(at::kDouble).abs().max().item<double>();
  return std::isfinite(share) ? share : std::numeric_limits<double>::infinity();
}

/// What rounding in float32 may make of it, as a deviation; GPUs take quicker sines and add in other orders.
inline double golden_tolerance(at::Device device) { return device.is_cpu() ? 1e-5 : 1e-4; }

}  // namespace physgen
