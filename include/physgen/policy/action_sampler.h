#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <physgen/diffusion/sampler.h>
#include <physgen/policy/physgen_model.h>

namespace physgen {

class PackedActionHead;

/// Draws actions from an action head for one setting of sampler and steps: what does not depend on the observation (the
/// timesteps' modulations) is made once, here, from the weights as they are: make a new one after they change.
/// Immutable: may be shared by threads.
class ActionSampler {
 public:
  /// @param denoising_steps  1 to 1000
  /// @param packed  of the model's action head, takes its place; none: the head itself
  ActionSampler(const PhysGenModel& model, Sampler sampler, int64_t denoising_steps,
                std::shared_ptr<const PackedActionHead> packed = {});

  /// Whether it samples as the other one does.
  bool is_like(const ActionSampler& other) const {
    return sampler_ == other.sampler_ && timesteps_ == other.timesteps_;
  }

  /// Whether `sample` draws from its generators.
  bool draws_noise() const { return sampler_ == Sampler::ddpm && config_.objective == Objective::epsilon; }

  /// Denoises from noise, or from `start` at the middle timestep where it is given (a warm start).
  /// @param condition  [n, K, C]
  /// @param noise      [n, chunks L, A]
  /// @param start      normalised actions to begin with, shaped as `noise`, or undefined
  /// @param generators  for DDPM: as many as share the n equally, one after the other; none: the program's
  /// @return normalised actions [n, chunks L, A]
  at::Tensor sample(const at::Tensor& condition, const at::Tensor& noise, const at::Tensor& start = {},
                    std::vector<at::Generator> generators = {}) const;

 private:
  // Predicts from noisy actions at the timestep of an index.
  using Predict = std::function<at::Tensor(const at::Tensor& x, int64_t index)>;
  Predict predict_under(const at::Tensor& condition) const;

  ActionHead head_;
  std::shared_ptr<const PackedActionHead> packed_;
  ActionHeadConfig config_;
  Sampler sampler_;
  NoiseSchedule schedule_;
  std::vector<double> timesteps_;
  std::vector<std::vector<std::vector<at::Tensor>>> modulations_;  // of each timestep, each block, each part
};

}  // namespace physgen
