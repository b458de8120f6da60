#include <physgen/diffusion/sampler.h>

#include <cmath>

#include <torch/torch.h>

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

at::Tensor ddpm_step(const at::Tensor& x, const at::Tensor& x0, const Interval& step, at::Generator& generator) {
  const double alpha = step.now / step.next, beta = 1 - alpha;
  at::Tensor mean =
      step.next_scale() * beta / (1 - step.now) * x0 + std::sqrt(alpha) * (1 - step.next) / (1 - step.now) * x;
  if (step.next >= 1) return mean;
  const double variance = std::max((1 - step.next) / (1 - step.now) * beta, 1e-20);
  return mean + std::sqrt(variance) * at::randn(x.sizes(), generator).to(x.options());
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

at::Tensor sample_flow(const std::vector<int64_t>& timesteps, at::Tensor x, const Denoiser& denoiser, double limit) {
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const int64_t next = i + 1 < timesteps.size() ? timesteps[i + 1] : 0;
    x = x + static_cast<double>(next - timesteps[i]) / NoiseSchedule::kTimesteps * denoiser(x, i);
  }
  return x.clamp(-limit, limit);
}

}  // namespace

std::vector<int64_t> sampling_timesteps(Objective objective, int64_t steps) {
  TORCH_CHECK_VALUE(steps >= 1 && steps <= NoiseSchedule::kTimesteps, "[sampling_timesteps] ", steps,
                    " steps, expected 1 to ", NoiseSchedule::kTimesteps);
  const int64_t stride = NoiseSchedule::kTimesteps / steps;
  std::vector<int64_t> timesteps;
  for (int64_t i = steps - 1; i >= 0; --i) {
    timesteps.push_back(objective == Objective::flow_matching
                            ? (i + 1) * NoiseSchedule::kTimesteps / steps
                            : std::min(i * stride + 1, NoiseSchedule::kTimesteps - 1));
  }
  return timesteps;
}

at::Tensor sample(const NoiseSchedule& schedule, Objective objective, Sampler sampler,
                  const std::vector<int64_t>& timesteps, at::Tensor x, const Denoiser& denoiser,
                  at::Generator generator, double limit) {
  if (objective == Objective::flow_matching) return sample_flow(timesteps, x, denoiser, limit);
  DpmSolver solver;
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const int64_t next = i + 1 < timesteps.size() ? timesteps[i + 1] : -1;
    const Interval step{schedule.alpha_bar(timesteps[i]), schedule.alpha_bar(next)};
    at::Tensor x0 = clipped_sample(x, denoiser(x, static_cast<int64_t>(i)), step, limit);
    switch (sampler) {
      case Sampler::ddim:
        x = ddim_step(x, x0, step);
        break;
      case Sampler::ddpm:
        x = ddpm_step(x, x0, step, generator);
        break;
      case Sampler::dpm_solver:
        x = solver.step(x, x0, step);
        break;
    }
  }
  return x;
}

}  // namespace physgen
