#include "diffusion/forward_noise.h"

#include <torch/torch.h>

#include <physgen/diffusion/noise_schedule.h>

namespace physgen {
namespace {

// One number a sample, to be multiplied with samples of any shape.
at::Tensor for_each_sample(const at::Tensor& numbers, const at::Tensor& x) {
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  return numbers.view(shape);
}

}  // namespace

NoisySample add_noise(Objective objective, const at::Tensor& x, const at::Tensor& noise, const at::Tensor& timesteps) {
  if (objective == Objective::epsilon) {
    static const NoiseSchedule schedule;
    const at::Tensor alpha_bar = for_each_sample(schedule.alpha_bars(timesteps), x);
    return {alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * noise, noise, timesteps};
  }
  const at::Tensor sigma = for_each_sample(timesteps.to(at::kFloat) / NoiseSchedule::kTimesteps, x);
  return {sigma * noise + (1 - sigma) * x, noise - x, timesteps};
}

at::Tensor training_timesteps(Objective objective, double shift, const at::Tensor& indices) {
  if (objective == Objective::epsilon) return indices;
  const at::Tensor unshifted = (NoiseSchedule::kTimesteps - indices).to(at::kFloat) / NoiseSchedule::kTimesteps;
  return shifted_sigma(unshifted, shift) * NoiseSchedule::kTimesteps;
}

}  // namespace physgen
