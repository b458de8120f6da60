#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

/// (LN(x) weight + bias) gate + residual: on the CPU, where it is differentiated, one pass over memory forward and one
/// back, in float32 or with bfloat16 among it; PyTorch's own operators otherwise. The result does not depend on the
/// number of threads.
/// @param weight, bias  [W] @param gate  as x, or undefined for none
at::Tensor residual_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         const at::Tensor& residual, double eps, const at::Tensor& gate = {});

}  // namespace physgen
