#pragma once

#include <cstdint>

namespace physgen {

// The loops of PackedLinear, each compiled for several instruction sets.

/// Outputs of a panel: W^T lies in panels [in, kPanel], the last one filled up with zeros.
inline constexpr int64_t kPanel = 32;

/// What becomes of rows x W^T + b of one panel.
struct PanelProduct {
  const float* x;           ///< [rows, in]
  int64_t rows, in;         ///< of x
  const float *panel, *b;   ///< [in, kPanel], [kPanel]
  bool gelu;                ///< y = gelu(x W^T + b)
  const float* residual;    ///< y = residual + gate (x W^T + b), laid out as y; null: neither is read
  const float* gate;        ///< [outputs]; null: 1
  float* y;                 ///< [rows, stride], from the panel's first output on
  int64_t stride, outputs;  ///< of a row of y; of this panel
};

void multiply_panel(const PanelProduct& product);

/// y = residual + LayerNorm(x) gain + shift of each row.
/// @param x, y         [rows, width]
/// @param gain, shift  [width]
/// @param residual     as x; null: none
void normalise_rows(const float* x, int64_t rows, int64_t width, const float* gain, const float* shift, float eps,
                    const float* residual, float* y);

}  // namespace physgen
