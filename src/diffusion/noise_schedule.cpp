#include <physgen/diffusion/noise_schedule.h>

#include <cmath>
#include <numbers>

#include <torch/torch.h>

#include <physgen/layers/table_cache.h>

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
    const auto step = static_cast<double>(i);
    const double next = cosine_alpha_bar((step + 1) / kTimesteps), now = cosine_alpha_bar(step / kTimesteps);
    const auto beta = static_cast<float>(std::min(1 - next / now, 0.999));
    product *= 1.0f - beta;
    alpha_bars_.push_back(static_cast<float>(product));
  }
}

double NoiseSchedule::alpha_bar(int64_t timestep) const { return timestep < 0 ? 1.0 : alpha_bars_.at(timestep); }

at::Tensor NoiseSchedule::alpha_bars(const at::Tensor& timesteps) const {
  static const auto& tables = *new TableCache();  // never destroyed: a GPU's memory may be gone before it
  const at::Tensor table = tables.get({}, timesteps.options().dtype(at::kFloat),
                                      [&] { return at::tensor(at::ArrayRef<float>(alpha_bars_)); });
  return table.index_select(0, timesteps);
}

}  // namespace physgen
