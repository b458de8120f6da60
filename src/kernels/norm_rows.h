#pragma once

#include <cstdint>

#include "kernels/row_numbers.h"

namespace physgen {

// The loops of layer norms with what stands around them, each compiled for several instruction sets. Rows are `width`
// values one behind the other; `stride` is from one row of modulations to the next.

constexpr int64_t kMostNormWidth = 2048;

/// Rows that share a gain, a shift and a gate: h = x + gate y, z = LN(h) gain + shift.
/// X: type of x and h. M: of modulations, y and z.
template <class X, class M>
struct ModulatedRows {
  const X* x;
  const M *gate, *y;  // null: h is x
  X* h;               // written where there is a gate
  const M *gain, *shift;
  M* z;               // null: h alone
  float* statistics;  // mean and 1/deviation of each row
  int64_t rows, width;
  float epsilon;
};

/// Their gradients.
template <class X, class M>
struct ModulatedGradients {
  const X *h, *dh;  // dh: of what else h goes to, or null
  const M *gate, *y, *gain, *dz;
  const float* statistics;
  X* dx;                           // of x and of h
  M *dy, *dgate, *dgain, *dshift;  // the last three [width]; null where what they are of is
  int64_t rows, width;
};

/// Rows with weights of all: z = (LN(x) weight + bias) gate + residual.
/// X: type of x and the gate. R: of residual and z.
template <class X, class R>
struct ResidualRows {
  const X *x, *gate;  // gate: null for none
  const float *weight, *bias;
  const R* residual;
  R* z;
  float* statistics;
  int64_t rows, width, gate_stride;
  float epsilon;
};

/// Their gradients.
template <class X, class R>
struct ResidualGradients {
  const X *x, *gate;
  const float *weight, *bias, *statistics;
  const R* dz;
  X *dx, *dgate;
  float *dweight, *dbias;  // [width], added to
  int64_t rows, width, gate_stride;
};

void run(const ModulatedRows<float, float>& work);
void run(const ModulatedRows<float, Bfloat16Bits>& work);
void run(const ModulatedRows<Bfloat16Bits, Bfloat16Bits>& work);
void run(const ModulatedGradients<float, float>& work);
void run(const ModulatedGradients<float, Bfloat16Bits>& work);
void run(const ModulatedGradients<Bfloat16Bits, Bfloat16Bits>& work);

void run(const ResidualRows<float, float>& work);
void run(const ResidualRows<Bfloat16Bits, float>& work);
void run(const ResidualRows<Bfloat16Bits, Bfloat16Bits>& work);
void run(const ResidualGradients<float, float>& work);
void run(const ResidualGradients<Bfloat16Bits, float>& work);
void run(const ResidualGradients<Bfloat16Bits, Bfloat16Bits>& work);

}  // namespace physgen
