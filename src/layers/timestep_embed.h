#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

/// [cos(t w_k) | sin(t w_k)], w_k = exp(-k ln(10000) / 128), k < 128: float32 [n, 256].
/// Reference: diffnext/models/diffusion_mlp.py TimeCondEmbed. @param timesteps  [n], 0 to 999
at::Tensor timestep_frequencies(const at::Tensor& timesteps);

inline constexpr int64_t kTimestepWidth = 256;

}  // namespace physgen
