#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

/// Whether `amx_linear` serves for products with this weight: where bfloat16 is differentiated under autocast on a CPU
/// with AMX. @param weight  [out, in]
bool takes_amx_linear(const at::Tensor& x, const at::Tensor& weight);

/// x weight^T + bias with its gradients, in products of bfloat16 whose sums are float32: those of the weight and the
/// bias are not rounded.
/// @param x  [..., in], rounded to bfloat16 @param weight  float32 [out, in], both multiples of 32
/// @param bias  float32 [out], or undefined  @return bfloat16 [..., out]
at::Tensor amx_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace physgen
