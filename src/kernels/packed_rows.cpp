#include "kernels/packed_rows.h"

#include <cmath>
#include <cstring>

#include "kernels/every_cpu.h"
#include "kernels/fast_exp.h"
#include "kernels/vector.h"

namespace physgen {
namespace {

constexpr int kTile = 8;  // rows whose sums are held in registers
static_assert(kPanel == 2 * kLanes);

/// erf(x), absolute error 2e-7 (Abramowitz and Stegun, 7.1.26).
[[gnu::always_inline]] inline float fast_erf(float x) {
  const float size = std::fabs(x), t = 1.0f / (1.0f + 0.3275911f * size);
  float sum = 1.061405429f;
  sum = sum * t - 1.453152027f;
  sum = sum * t + 1.421413741f;
  sum = sum * t - 0.284496736f;
  sum = sum * t + 0.254829592f;
  return std::copysign(1.0f - sum * t * fast_exp(-size * size), x);
}

[[gnu::always_inline]] inline void write_row(const PanelProduct& product, int64_t row, const float* __restrict sums) {
  float* __restrict y = product.y + row * product.stride;
  const int64_t count = product.outputs;
  if (product.gelu) {
    for (int64_t i = 0; i < count; ++i) y[i] = 0.5f * sums[i] * (1.0f + fast_erf(sums[i] * 0.70710678f));
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

/// The sum of (x - centre) ^ Power over `count` values, Power 1 or 2.
template <int Power>
[[gnu::always_inline]] inline float sum_of(const float* x, int64_t count, float centre) {
  float lanes[kLanes] = {}, sum = 0;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float value = x[i + lane] - centre;
      lanes[lane] += Power == 1 ? value : value * value;
    }
  }
  for (; i < count; ++i) sum += Power == 1 ? x[i] - centre : (x[i] - centre) * (x[i] - centre);
  for (const float lane : lanes) sum += lane;
  return sum;
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
    const float mean = sum_of<1>(x, width, 0) / static_cast<float>(width);
    const float inverse = 1.0f / std::sqrt(sum_of<2>(x, width, mean) / static_cast<float>(width) + eps);
    for (int64_t i = 0; i < width; ++i) y[i] = (x[i] - mean) * inverse * gain[i] + shift[i];
    if (!residual) continue;
    for (int64_t i = 0; i < width; ++i) y[i] += residual[i];
    residual += width;
  }
}

}  // namespace physgen
