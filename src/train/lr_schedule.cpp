#include <physgen/train/lr_schedule.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace physgen {

double learning_rate_at(const LearningRateConfig& config, int64_t step, int64_t steps) {
  if (step < config.warm_up_steps) {
    return config.peak * static_cast<double>(step + 1) / static_cast<double>(config.warm_up_steps);
  }
  if (config.shape == LearningRateShape::constant) return config.peak;
  const auto length = static_cast<double>(std::max<int64_t>(1, steps - 1 - config.warm_up_steps));
  const double progress = std::min(1.0, static_cast<double>(step - config.warm_up_steps) / length);
  const double height = 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return config.peak * (config.final_fraction + (1 - config.final_fraction) * height);
}

}  // namespace physgen
