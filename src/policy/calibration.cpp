#include "policy/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/policy/action_sampler.h>
#include <physgen/vae/frame_encoder.h>

#include "device/compute_device.h"
#include "device/int8.h"

namespace physgen {
namespace {

/// The squares of a difference, and of what it is a difference from.
struct SquareSums {
  void add(const at::Tensor& got, const at::Tensor& truth) {
    difference += (got.to(at::kFloat) - truth).square().sum(at::kDouble).item<double>();
    whole += truth.square().sum(at::kDouble).item<double>();
  }
  double relative() const { return whole > 0 ? std::sqrt(difference / whole) : 0; }

  double difference = 0, whole = 0;
};

// Of the range that was seen, parts that bytes may stand for: few numbers lie at its ends, and the others gain by finer
// steps.
constexpr std::array<double, 7> kParts = {1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4};

/// What a layer was seen to do.
struct LayerSight {
  double low = 0, high = 0;                      // of its inputs
  std::array<SquareSums, kParts.size()> inputs;  // what they lose as bytes, for each part of the range
  SquareSums output;                             // what it gives of them as bytes of the best part

  size_t best() const {
    const auto least =
        std::min_element(inputs.begin(), inputs.end(), [](auto& a, auto& b) { return a.difference < b.difference; });
    return static_cast<size_t>(least - inputs.begin());
  }
  ByteScale scale(size_t part) const { return byte_scale(kParts[part] * low, kParts[part] * high); }
};

using Sights = std::map<std::string, LayerSight>;

at::Tensor numbers_of(const at::Tensor& bytes, const ByteScale& scale) {
  return bytes.to(at::kFloat).sub_(static_cast<double>(scale.zero)).mul_(scale.step);
}

// The range grows with what is seen, so that the first windows are judged by one too narrow for later ones: near enough
// to say which part of it serves, and which layers lose most.
LayerWatch look_into(Sights& sights) {
  return [&](const LayerUse& use) {
    LayerSight& sight = sights[use.name];
    const auto [least, most] = at::aminmax(use.input);
    sight.low = std::min(sight.low, least.item<double>());
    sight.high = std::max(sight.high, most.item<double>());
    for (size_t part = 0; part < kParts.size(); ++part) {
      const ByteScale scale = sight.scale(part);
      sight.inputs[part].add(numbers_of(to_bytes(use.input, scale), scale), use.input);
    }
    sight.output.add(use.in_int8(sight.scale(sight.best())), use.output);
  };
}

/// What a control round's stages give, of each window.
struct Stages {
  at::Tensor latents;     ///< [P, C, h, w]
  at::Tensor conditions;  ///< [P, K, C]
  at::Tensor actions;     ///< [P, chunks L, A]
};

PhysGenModel copy_of(const PhysGenModel& model, at::ScalarType dtype) {
  PhysGenModel copy(model->config());
  load_state_dict(*copy, state_dict(*model), "the policy");
  copy->to(dtype);
  copy->eval();
  return copy;
}

at::Tensor conditions_of(PhysGenModel& model, const CalibrationWindow& window, const at::Tensor& latents) {
  PackInputs inputs{latents.unsqueeze(0), window.actions.unsqueeze(0), {}};
  if (window.states.defined()) inputs.states = window.states.unsqueeze(0);
  return model->head_condition(model->forward(inputs, model->encode_text({window.instruction})))[0].to(at::kFloat);
}

at::Tensor actions_of(const PhysGenModel& model, const at::Tensor& conditions) {
  const ModelConfig& config = model->config();
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(uint64_t{0});
  const at::Tensor noise =
      at::randn({conditions.size(0), config.head.chunks * config.codec.chunk, config.codec.action_width}, generator);
  const ActionSampler sampler(model, config.head.sampler, config.head.denoising_steps);
  return sampler.sample(conditions.to(model->action_head->input->weight.scalar_type()), noise, {}, {generator});
}

std::vector<Stages> stages_of(const FrameEncoder& encoder, PhysGenModel& model,
                              const std::vector<CalibrationWindow>& windows) {
  std::vector<Stages> all;
  for (const CalibrationWindow& window : windows) {
    Stages& stages = all.emplace_back();
    stages.latents = encoder.encode(window.frames);
    stages.conditions = conditions_of(model, window, stages.latents);
    stages.actions = actions_of(model, stages.conditions);
  }
  return all;
}

double error_of(const std::vector<Stages>& got, const std::vector<Stages>& truth, at::Tensor Stages::*stage) {
  SquareSums sums;
  for (size_t i = 0; i < truth.size(); ++i) sums.add(got[i].*stage, truth[i].*stage);
  return sums.relative();
}

std::vector<StageError> errors_of(const std::vector<Stages>& bfloat16, const std::vector<Stages>& int8,
                                  const std::vector<Stages>& truth) {
  std::vector<StageError> errors;
  for (const auto& [name, stage] :
       {std::pair{"latents", &Stages::latents}, std::pair{"conditions", &Stages::conditions},
        std::pair{"actions", &Stages::actions}}) {
    errors.push_back({name, error_of(bfloat16, truth, stage), error_of(int8, truth, stage)});
  }
  return errors;
}

/// The layers of one stage, those whose own outputs lose most first.
std::vector<LayerCalibration> layers_of(const Sights& sights) {
  std::vector<LayerCalibration> layers;
  for (const auto& [name, sight] : sights) {
    const double part = kParts[sight.best()];
    layers.push_back({name, part * sight.low, part * sight.high, sight.output.relative(), true});
  }
  std::stable_sort(layers.begin(), layers.end(), [](auto& a, auto& b) { return a.error > b.error; });
  return layers;
}

LayerScales scales_without(const std::vector<LayerCalibration>& layers, size_t left_out) {
  LayerScales scales;
  for (size_t i = left_out; i < layers.size(); ++i) {
    scales.emplace(layers[i].name, byte_scale(layers[i].low, layers[i].high));
  }
  return scales;
}

/// Leaves out as few as the tolerance asks for, found by halving.
/// @param error  of the stage, with these layers in int8
template <class Error>
void choose(std::vector<LayerCalibration>& layers, double tolerance, const Error& error) {
  size_t least = 0, most = layers.size();
  while (least < most) {
    const size_t left_out = least == 0 && most == layers.size() ? 0 : (least + most) / 2;  // mostly all may
    if (error(scales_without(layers, left_out)) <= tolerance) {
      most = left_out;
    } else {
      least = left_out + 1;
    }
  }
  for (size_t i = 0; i < most; ++i) layers[i].int8 = false;
}

/// The float32 stages, while all layers are looked into.
std::vector<Stages> look(const LoadedPolicy& policy, const std::vector<CalibrationWindow>& windows, Sights& vae,
                         Sights& transformer) {
  PhysGenModel model = policy.model;  // a handle
  watch_layers(model, look_into(transformer));
  std::vector<Stages> truth =
      stages_of(FrameEncoder(policy.vae, at::kCPU, at::kFloat, {}, look_into(vae)), model, windows);
  watch_layers(model, {});
  return truth;
}

/// What layers are chosen by: what the stages lose with some of them in int8.
class Trial {
 public:
  Trial(const LoadedPolicy& policy, const std::vector<CalibrationWindow>& windows, const std::vector<Stages>& truth)
      : vae_(policy.vae),
        windows_(windows),
        truth_(truth),
        dtype_(best_dtype(at::kCPU)),
        model_(copy_of(policy.model, dtype_)) {}

  double latents_error(const LayerScales& scales) const {
    const FrameEncoder encoder(vae_, at::kCPU, dtype_, scales);
    SquareSums sums;
    for (size_t i = 0; i < windows_.size(); ++i) sums.add(encoder.encode(windows_[i].frames), truth_[i].latents);
    return sums.relative();
  }

  double conditions_error(const LayerScales& scales) {
    quantize_layers(model_, scales);
    SquareSums sums;
    for (size_t i = 0; i < windows_.size(); ++i) {
      sums.add(conditions_of(model_, windows_[i], truth_[i].latents), truth_[i].conditions);
    }
    return sums.relative();
  }

  std::vector<Stages> stages(const LayerScales& scales) {
    quantize_layers(model_, scales);
    return stages_of(FrameEncoder(vae_, at::kCPU, dtype_, scales), model_, windows_);
  }

 private:
  CausalVae vae_;
  const std::vector<CalibrationWindow>& windows_;
  const std::vector<Stages>& truth_;
  at::ScalarType dtype_;
  PhysGenModel model_;  // of `dtype_`
};

void require_windows(const std::vector<CalibrationWindow>& windows) {
  if (!windows.empty()) return;
  throw ConfigError({.what = "there is nothing to calibrate with",
                     .where = "calibration",
                     .got = "no windows",
                     .expected = "demonstrations of what the policy will see",
                     .next_step = "name them with --data"});
}

}  // namespace

Calibration calibrate(LoadedPolicy policy, const std::vector<CalibrationWindow>& windows,
                      const CalibrationOptions& options) {
  require_int8(at::kCPU, "calibration");
  require_windows(windows);
  const c10::InferenceMode inference;
  const auto say = [&](const char* text) {
    if (options.report) options.report(text);
  };
  merge_adapters(policy.model);
  say("looking at all layers in float32");
  Sights vae, transformer;
  const std::vector<Stages> truth = look(policy, windows, vae, transformer);
  Trial trial(policy, windows, truth);
  std::vector<LayerCalibration> layers = layers_of(vae), others = layers_of(transformer);
  say("choosing convolutions");
  choose(layers, options.tolerance, [&](const LayerScales& scales) { return trial.latents_error(scales); });
  say("choosing products of the transformer");
  choose(others, options.tolerance, [&](const LayerScales& scales) { return trial.conditions_error(scales); });
  layers.insert(layers.end(), others.begin(), others.end());
  Calibration result{options.tolerance, static_cast<int64_t>(windows.size()), layers, {}};
  say("measuring the stages");
  result.errors = errors_of(trial.stages({}), trial.stages(scales_of(result)), truth);
  return result;
}

}  // namespace physgen
