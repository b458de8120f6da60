#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace physgen {

// Layer norms with what stands before and behind them. On the CPU, where they are differentiated, each is one pass over
// memory forward and one back, in float32 or with bfloat16 among it; PyTorch's own operators otherwise. Results do not
// depend on the number of threads.

/// LN(x) gain + shift, the norm without weights.
/// @param x            [n, ..., W]
/// @param gain, shift  as x, or with ones for all but its first and last dimension
/// @return in gain's dtype where that is bfloat16
at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, double eps);

/// h = x + gate y, and LN(h) gain + shift. @param gate  as gain @param y  as x
std::pair<at::Tensor, at::Tensor> gated_modulated_norm(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y,
                                                       const at::Tensor& gain, const at::Tensor& shift, double eps);

/// x + gate y.
at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y);

}  // namespace physgen
