#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

/// [sin(v f_k) | cos(v f_k)], f_k = 10000^(-k / half): float32 [n, 2 half].
/// Reference: diffnext/models/embeddings.py MotionEmbed, VideoPosEmbed. @param values  [n]
at::Tensor sin_cos_embed(const at::Tensor& values, int64_t half);

/// Two-dimensional positions of a row-major grid, [sin w | cos w | sin h | cos h]: float32 [height width, C].
/// Reference: diffnext/models/embeddings.py PosEmbed.
at::Tensor grid_position_embed(int64_t height, int64_t width, int64_t channels);

}  // namespace physgen
