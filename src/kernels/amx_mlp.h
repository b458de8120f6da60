#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/biased_activation.h"

namespace physgen {

/// Weights of float32, [hidden, in] and [out, hidden], all multiples of 32, and biases [hidden] and [out].
struct MlpWeights {
  at::Tensor first, first_bias, second, second_bias;
};

/// activation(x first^T + first_bias) second^T + second_bias with its gradients, in products of bfloat16 whose sums are
/// float32. What is hidden is computed once more on the way back, and lies in no memory: only in the caches, 128 rows
/// at a time. Where `takes_amx_linear` holds for both weights.
/// @param x  [..., in], rounded to bfloat16  @return bfloat16 [..., out]
at::Tensor amx_mlp(const at::Tensor& x, const MlpWeights& weights, Activation activation);

}  // namespace physgen
