#include "kernels/packed_rows.h"

#include <algorithm>
#include <cstring>

#include "kernels/every_cpu.h"
#include "kernels/gelu.h"
#include "kernels/lane_sums.h"
#include "kernels/vector.h"

namespace physgen {
namespace {

constexpr int kTile = 8;  // rows whose sums are held in registers
static_assert(kPanel == 2 * kLanes);

[[gnu::always_inline]] inline void write_row(const PanelProduct& product, int64_t row, const float* __restrict sums) {
  float* __restrict y = product.y + row * product.stride;
  const int64_t count = product.outputs;
  if (product.gelu) {
    for (int64_t i = 0; i < count; ++i) y[i] = gelu_at(sums[i]).value;
  } else if (!product.residual) {
    for (int64_t i = 0; i < count; ++i) y[i] = sums[i];
  } else if (!product.gate) {
    const float* residual = product.residual + row * product.stride;
    for (int64_t i = 0; i < count; ++i) y[i] = residual[i] + sums[i];
  } else {
    const float* residual = product.residual + row * product.stride;
    for (int64_t i = 0; i < count; ++i) y[i] = residual[i] + product.gate[i] * sums[i];
  }
}

template <int Rows>
[[gnu::always_inline]] inline void multiply_tile(const PanelProduct& product, int64_t row) {
  const float* x = product.x + row * product.in;
  Vector sums[Rows][2], weights[2];
  for (int half = 0; half < 2; ++half) {
    load(product.b + half * kLanes, weights[half]);
    for (int r = 0; r < Rows; ++r) sums[r][half] = weights[half];
  }
  for (int64_t k = 0; k < product.in; ++k) {
    load(product.panel + k * kPanel, weights[0]);
    load(product.panel + k * kPanel + kLanes, weights[1]);
    for (int r = 0; r < Rows; ++r) {
      const float value = x[r * product.in + k];
      sums[r][0] += value * weights[0];
      sums[r][1] += value * weights[1];
    }
  }
  for (int r = 0; r < Rows; ++r) {
    float values[kPanel];
    std::memcpy(values, sums[r], sizeof values);
    write_row(product, row + r, values);
  }
}

}  // namespace

EVERY_CPU void multiply_panel(const PanelProduct& product) {
  int64_t row = 0;
  for (; row + kTile <= product.rows; row += kTile) multiply_tile<kTile>(product, row);
  for (; row + 2 <= product.rows; row += 2) multiply_tile<2>(product, row);
  if (row < product.rows) multiply_tile<1>(product, row);
}

EVERY_CPU void normalise_rows(const float* x, int64_t rows, int64_t width, const float* gain, const float* shift,
                              float eps, const float* residual, float* y) {
  for (int64_t row = 0; row < rows; ++row, x += width, y += width) {
    std::copy_n(x, width, y);
    normalise(y, width, eps);
    for (int64_t i = 0; i < width; ++i) y[i] = y[i] * gain[i] + shift[i];
    if (!residual) continue;
    for (int64_t i = 0; i < width; ++i) y[i] += residual[i];
    residual += width;
  }
}

}  // namespace physgen
