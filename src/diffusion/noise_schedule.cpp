#include <physgen/diffusion/noise_schedule.h>

#include <cmath>
#include <numbers>

#include <torch/torch.h>

namespace physgen {
namespace {

double cosine_alpha_bar(double u) {
  const double cosine = std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2);
  return cosine * cosine;
}

}  // namespace

NoiseSchedule::NoiseSchedule() {
  double product = 1;  // as torch.cumprod of float32 numbers
  for (int64_t i = 0; i < kTimesteps; ++i) {
    const double next = cosine_alpha_bar((i + 1.0) / kTimesteps), now = cosine_alpha_bar(double(i) / kTimesteps);
    const auto beta = static_cast<float>(std::min(1 - next / now, 0.999));
    product *= 1.0f - beta;
    alpha_bars_.push_back(static_cast<float>(product));
  }
}

double NoiseSchedule::alpha_bar(int64_t timestep) const { return timestep < 0 ? 1.0 : alpha_bars_.at(timestep); }

at::Tensor NoiseSchedule::add_noise(const at::Tensor& x, const at::Tensor& noise, const at::Tensor& timesteps) const {
  at::Tensor table = at::tensor(at::ArrayRef<float>(alpha_bars_)).to(x.device());
  std::vector<int64_t> shape(x.dim(), 1);
  shape[0] = x.size(0);
  at::Tensor abar = table.index_select(0, timesteps).view(shape);
  return abar.sqrt() * x + (1 - abar).sqrt() * noise;
}

}  // namespace physgen
