#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

// What a control round does to a few rows on the CPU in float32 between its products, each in one pass. Without
// gradients.

/// Whether the kernels below and PackedLinear serve: they are neither off nor set aside.
bool rows_serve();

/// Whether the kernels below take x: float32 on the CPU, where no gradient is asked for, and they serve.
bool takes_rows(const at::Tensor& x);

/// softmax(q k^T / sqrt(d) + mask) v of each head, the heads joined: [n, L, H d].
/// @param q     [n, H, L, d], views whose last dimension is contiguous, as all of these
/// @param k, v  [n, H, K, d]
/// @param mask  additive [L, K], or undefined
at::Tensor attend_heads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask = {});

/// residual + LayerNorm(x) weight + bias, of rows [..., width].
at::Tensor add_norm(const at::Tensor& residual, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    double eps);

}  // namespace physgen
