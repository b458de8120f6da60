#pragma once

#include <cstdint>

#include "kernels/row_numbers.h"

namespace physgen {

// The loops of activations behind a bias, each compiled for several instruction sets.

struct ActivationRows {
  const Bfloat16Bits* x;
  const float* bias;
  Bfloat16Bits* y;
  int64_t rows, width;
};

struct ActivationGradients {
  const Bfloat16Bits *x, *dy;
  const float* bias;
  Bfloat16Bits* dx;
  float* dbias;  // added to
  int64_t rows, width;
};

/// y = activation(x + bias).
void gelu_rows(const ActivationRows& work);
void silu_rows(const ActivationRows& work);
void gelu_gradient_rows(const ActivationGradients& work);
void silu_gradient_rows(const ActivationGradients& work);

}  // namespace physgen
