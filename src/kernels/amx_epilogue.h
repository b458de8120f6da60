#pragma once

#include "kernels/amx.h"

namespace physgen {

// What is made of 32 columns of a product while they are in the nearest cache. Only where `has_amx`.

/// Rows that are multiplied at a time, at most.
inline constexpr int64_t kAmxRows = 128;
/// From one panel of such rows to the next.
inline constexpr int64_t kAmxRowsPanel = kAmxRows * kAmxPanel;

/// y = sums + bias.
struct AmxBiased {
  const float* sums;     ///< two panels of `kAmxRowsPanel`
  const float* bias;     ///< [32]; null: none
  Bfloat16Bits* y;       ///< [rows, 32]
  int64_t rows, stride;  ///< from row to row of y
};
void add_bias(const AmxBiased& work);

/// y = activation(sums + bias).
void add_bias_gelu(const AmxBiased& work);
void add_bias_silu(const AmxBiased& work);

/// The way back: what the activation was, and the gradient of the sums from that of the activation. Panels as the
/// sums'.
struct AmxActivationGradient {
  const float *sums, *gradient;
  const float* bias;        ///< [32]
  Bfloat16Bits* y_pairs;    ///< the activation, as `b` of a product
  Bfloat16Bits* sum_pairs;  ///< the gradient of the sums, as `b`
  Bfloat16Bits* sum_rows;   ///< and row by row
  float* bias_gradient;     ///< [32], added to
  int64_t rows, stride;     ///< rows: even; from row to row of sum_rows
};
void differentiate_gelu(const AmxActivationGradient& work);
void differentiate_silu(const AmxActivationGradient& work);

/// Adds the rows of x to `sums`. @param x  [rows, width], width a multiple of 32
void add_rows(const Bfloat16Bits* x, int64_t rows, int64_t width, float* sums);

}  // namespace physgen
