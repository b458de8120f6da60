#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>
#include <vector>

#include <physgen/diffusion/sampler.h>

namespace physgen {

/// How noisy a sample is, such that for both objectives d(x / scale) / d level = what the network predicts.
struct NoiseLevel {
  double scale = 1;  ///< of the data alone: 1 and 0
  double level = 0;
};

/// @param timestep  of `sampling_timesteps`
inline NoiseLevel noise_level(const NoiseSchedule& schedule, Objective objective, double timestep) {
  if (objective == Objective::flow_matching) return {1, timestep / NoiseSchedule::kTimesteps};
  const double alpha_bar = schedule.alpha_bar(static_cast<int64_t>(timestep));
  return {std::sqrt(alpha_bar), std::sqrt(1 / alpha_bar - 1)};
}

/// As `sample`, by Heun's method (arXiv 2206.00364): a step's slope is the mean of those at both of its ends. Asks the
/// network twice a step, and once in the last, at whose end there is no noise to predict. Clips at the end alone.
inline at::Tensor sample_heun(const NoiseSchedule& schedule, Objective objective, const std::vector<double>& timesteps,
                              const at::Tensor& x, const Denoiser& denoiser, double limit) {
  NoiseLevel now = noise_level(schedule, objective, timesteps.front());
  at::Tensor scaled = x / now.scale;
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    const bool last = i + 1 == timesteps.size();
    const NoiseLevel next = last ? NoiseLevel{} : noise_level(schedule, objective, timesteps[i + 1]);
    const double step = next.level - now.level;
    at::Tensor slope = denoiser(scaled * now.scale, index);
    if (!last) slope = (slope + denoiser((scaled + step * slope) * next.scale, index + 1)) / 2;
    scaled = scaled + step * slope;
    now = next;
  }
  return scaled.clamp(-limit, limit);
}

}  // namespace physgen
