#include <physgen/diffusion/corruption.h>

#include <torch/torch.h>

#include <physgen/diffusion/noise_schedule.h>

namespace physgen {

double shifted_sigma(double sigma, double shift) { return shift * sigma / (1 + (shift - 1) * sigma); }

Corrupted corrupt(Objective objective, double shift, const at::Tensor& x, const at::Tensor& noise,
                  const at::Tensor& indices) {
  if (objective == Objective::epsilon) return {NoiseSchedule().add_noise(x, noise, indices), noise, indices};
  at::Tensor sigma = (NoiseSchedule::kTimesteps - indices).to(at::kFloat) / NoiseSchedule::kTimesteps;
  sigma = shift * sigma / (1 + (shift - 1) * sigma);
  std::vector<int64_t> shape(x.dim(), 1);
  shape[0] = x.size(0);
  at::Tensor level = sigma.view(shape);
  return {level * noise + (1 - level) * x, noise - x, sigma * NoiseSchedule::kTimesteps};
}

}  // namespace physgen
