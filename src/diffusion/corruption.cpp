#include <physgen/diffusion/corruption.h>

#include <torch/torch.h>

#include <physgen/diffusion/noise_schedule.h>

namespace physgen {

Corrupted corrupt(Objective objective, double shift, const at::Tensor& x, const at::Tensor& noise,
                  const at::Tensor& indices) {
  if (objective == Objective::epsilon) return {NoiseSchedule().add_noise(x, noise, indices), noise, indices};
  const at::Tensor unshifted = (NoiseSchedule::kTimesteps - indices).to(at::kFloat) / NoiseSchedule::kTimesteps;
  const at::Tensor sigma = shifted_sigma(unshifted, shift);
  std::vector<int64_t> shape(x.dim(), 1);
  shape[0] = x.size(0);
  at::Tensor level = sigma.view(shape);
  return {level * noise + (1 - level) * x, noise - x, sigma * NoiseSchedule::kTimesteps};
}

}  // namespace physgen
