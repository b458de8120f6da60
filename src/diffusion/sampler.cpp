#include <physgen/diffusion/sampler.h>

#include <cmath>

#include <torch/torch.h>

#include "diffusion/forward_noise.h"

namespace physgen {
namespace {

// One step of an epsilon sampler: from `now` to `next`, products of alphas both.
struct Interval {
  double now, next;
  double scale() const { return std::sqrt(now); }
  double noise() const { return std::sqrt(1 - now); }
  double next_scale() const { return std::sqrt(next); }
  double next_noise() const { return std::sqrt(1 - next); }
};

at::Tensor clipped_sample(const at::Tensor& x, const at::Tensor& epsilon, const Interval& step, double limit) {
  return ((x - step.noise() * epsilon) / step.scale()).clamp(-limit, limit);
}

at::Tensor ddim_step(const at::Tensor& x, const at::Tensor& x0, const Interval& step) {
  at::Tensor epsilon = (x - step.scale() * x0) / step.noise();  // of the clipped sample
  return step.next_scale() * x0 + step.next_noise() * epsilon;
}

// Noise is drawn at every timestep but 0, also where it weighs nothing: so the reference does.
at::Tensor ddpm_step(const at::Tensor& x, const at::Tensor& x0, const Interval& step, double timestep,
                     const NoiseSource& noise) {
  const double alpha = step.now / step.next, beta = 1 - alpha;
  at::Tensor mean =
      step.next_scale() * beta / (1 - step.now) * x0 + std::sqrt(alpha) * (1 - step.next) / (1 - step.now) * x;
  if (timestep <= 0) return mean;
  const double variance = std::max((1 - step.next) / (1 - step.now) * beta, 1e-20);
  return mean + std::sqrt(variance) * noise();
}

double log_signal_to_noise(double alpha_bar) { return 0.5 * std::log(alpha_bar / (1 - alpha_bar)); }

// The second-order multistep solver in the data prediction; the last step, to zero noise, is of first order.
class DpmSolver {
 public:
  at::Tensor step(const at::Tensor& x, const at::Tensor& x0, const Interval& interval) {
    if (interval.next >= 1) return x0;
    const double log_snr = log_signal_to_noise(interval.now);
    const double h = log_signal_to_noise(interval.next) - log_snr;
    at::Tensor data = x0;
    if (previous_.defined()) data = x0 + (x0 - previous_) * (0.5 * h / (log_snr - previous_log_snr_));
    previous_ = x0;
    previous_log_snr_ = log_snr;
    return interval.next_noise() / interval.noise() * x - interval.next_scale() * std::expm1(-h) * data;
  }

 private:
  at::Tensor previous_;
  double previous_log_snr_ = 0;
};

at::Tensor sample_flow(const std::vector<double>& timesteps, at::Tensor x, const Denoiser& denoiser, double limit) {
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const double next = i + 1 < timesteps.size() ? timesteps[i + 1] : 0;
    x = x + (next - timesteps[i]) / NoiseSchedule::kTimesteps * denoiser(x, static_cast<int64_t>(i));
  }
  return x.clamp(-limit, limit);
}

void check_steps(int64_t steps) {
  TORCH_CHECK_VALUE(steps >= 1 && steps <= NoiseSchedule::kTimesteps, "[sampling_timesteps] ", steps,
                    " steps, expected 1 to ", NoiseSchedule::kTimesteps);
}

}  // namespace

std::vector<double> sampling_timesteps(Objective objective, int64_t steps, int64_t offset) {
  check_steps(steps);
  const int64_t stride = NoiseSchedule::kTimesteps / steps;
  std::vector<double> timesteps;
  for (int64_t i = steps - 1; i >= 0; --i) {
    const int64_t timestep = objective == Objective::flow_matching
                                 ? (i + 1) * NoiseSchedule::kTimesteps / steps
                                 : std::min(i * stride + offset, NoiseSchedule::kTimesteps - 1);
    timesteps.push_back(static_cast<double>(timestep));
  }
  return timesteps;
}

std::vector<double> shifted_flow_timesteps(int64_t steps, double shift) {
  check_steps(steps);
  const double most = shifted_sigma(1.0, shift), least = shifted_sigma(1.0 / NoiseSchedule::kTimesteps, shift);
  std::vector<double> timesteps;
  for (int64_t i = 0; i < steps; ++i) {
    const double share = steps == 1 ? 0 : static_cast<double>(i) / static_cast<double>(steps - 1);
    timesteps.push_back(NoiseSchedule::kTimesteps * shifted_sigma(most + share * (least - most), shift));
  }
  return timesteps;
}

at::Tensor sample(const NoiseSchedule& schedule, Objective objective, Sampler sampler,
                  const std::vector<double>& timesteps, at::Tensor x, const Denoiser& denoiser,
                  const NoiseSource& noise, double limit) {
  TORCH_CHECK_VALUE(objective != Objective::discrete, "[sample] the discrete objective is not denoised");
  if (objective == Objective::flow_matching) return sample_flow(timesteps, x, denoiser, limit);
  TORCH_CHECK_VALUE(sampler != Sampler::ddpm || noise, "[sample] DDPM draws noise, and there is no source of it");
  DpmSolver solver;
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const double next = i + 1 < timesteps.size() ? timesteps[i + 1] : -1;
    const Interval step{schedule.alpha_bar(static_cast<int64_t>(timesteps[i])),
                        schedule.alpha_bar(static_cast<int64_t>(next))};
    at::Tensor x0 = clipped_sample(x, denoiser(x, static_cast<int64_t>(i)), step, limit);
    switch (sampler) {
      case Sampler::ddim:
        x = ddim_step(x, x0, step);
        break;
      case Sampler::ddpm:
        x = ddpm_step(x, x0, step, timesteps[i], noise);
        break;
      case Sampler::dpm_solver:
        x = solver.step(x, x0, step);
        break;
    }
  }
  return x;
}

}  // namespace physgen
