#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

enum class Activation { gelu, silu };

/// Whether a product whose inputs are x is better made without its bias, which `biased_activation` adds: where bfloat16
/// is differentiated on the CPU. What else it is called with is left to PyTorch's operators.
bool takes_biased_activation(const at::Tensor& x);

/// activation(x + bias), one pass over memory forward and one back; erf is exact to 2e-7.
/// @param x  bfloat16 [..., W] @param bias  float32 [W]
at::Tensor biased_activation(const at::Tensor& x, const at::Tensor& bias, Activation activation);

}  // namespace physgen
