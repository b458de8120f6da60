#include "layers/timestep_embed.h"

#include <cmath>

#include <torch/torch.h>

namespace physgen {

at::Tensor timestep_frequencies(const at::Tensor& timesteps) {
  constexpr int64_t half = kTimestepWidth / 2;
  at::Tensor steps = at::arange(half, at::TensorOptions(at::kFloat).device(timesteps.device()));
  at::Tensor angles = at::outer(timesteps.to(at::kFloat), at::exp(steps * (-std::log(10000.0) / half)));
  return at::cat({angles.cos(), angles.sin()}, 1);
}

}  // namespace physgen
