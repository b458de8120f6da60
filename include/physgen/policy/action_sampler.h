#pragma once

#include <physgen/diffusion/sampler.h>
#include <physgen/policy/physgen_model.h>

namespace physgen {

/// Draws actions from an action head for one setting of sampler and steps: what does not depend on the observation (the
/// timesteps' modulations) is made once, here. Immutable: may be shared by threads.
class ActionSampler {
 public:
  ActionSampler(const PhysGenModel& model, Sampler sampler, int64_t denoising_steps);

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
  /// @param generators  for DDPM: one for all, or one for each of n
  /// @return normalised actions [n, chunks L, A]
  at::Tensor sample(const at::Tensor& condition, const at::Tensor& noise, const at::Tensor& start = {},
                    std::vector<at::Generator> generators = {}) const;

 private:
  at::Tensor most_likely(const at::Tensor& noise, const std::vector<ConditionKeys>& keys) const;

  ActionHead head_;
  ActionHeadConfig config_;
  Sampler sampler_;
  NoiseSchedule schedule_;
  std::vector<double> timesteps_;
  std::vector<std::vector<std::vector<at::Tensor>>> modulations_;  // of each timestep, each block, each part
};

}  // namespace physgen
