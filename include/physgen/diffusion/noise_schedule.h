#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace physgen {

/// NOVA's cosine schedule over 1000 timesteps: beta_i = min(1 - abar((i + 1) / 1000) / abar(i / 1000), 0.999) in
/// double, then float32. Reference: diffnext/schedulers/scheduling_ddpm.py (squaredcos_cap_v2).
class NoiseSchedule {
 public:
  static constexpr int64_t kTimesteps = 1000;

  NoiseSchedule();

  /// The product of alphas up to `timestep`; 1 before the first.
  double alpha_bar(int64_t timestep) const;

  /// The products up to many timesteps. @param timesteps  [N] int64, 0 to 999  @return [N] float32
  at::Tensor alpha_bars(const at::Tensor& timesteps) const;

 private:
  std::vector<float> alpha_bars_;
};

}  // namespace physgen
