#include "kernels/norm_rows.h"

#include <algorithm>
#include <cmath>

#include "kernels/every_cpu.h"
#include "kernels/lane_sums.h"

namespace physgen {
namespace {

// With the sums of g and of g x̂ over a row: dx = inverse (g - mean(g) - x̂ mean(g x̂)).
struct NormSlope {
  float level, slope, inverse;
  [[gnu::always_inline]] float of(float g, float normal) const { return inverse * (g - level - normal * slope); }
};

[[gnu::always_inline]] inline NormSlope slope_of(const float* g, const float* normal, int64_t width, float inverse) {
  const float count = static_cast<float>(width);
  return {sum_of(g, width) / count, sum_of_products(g, normal, width) / count, inverse};
}

template <class T>
[[gnu::always_inline]] inline void normalise_again(const T* __restrict x, const float* statistics, int64_t width,
                                                   float* __restrict normal) {
  const float mean = statistics[0], inverse = statistics[1];
  for (int64_t i = 0; i < width; ++i) normal[i] = (load(x[i]) - mean) * inverse;
}

template <class X, class M>
[[gnu::always_inline]] inline void modulate(const ModulatedRows<X, M>& work) {
  float row[kMostNormWidth];
  const int64_t width = work.width;
  for (int64_t r = 0; r < work.rows; ++r) {
    const int64_t first = r * width;
    const X* __restrict x = work.x + first;
    for (int64_t i = 0; i < width; ++i) row[i] = load(x[i]);
    if (work.gate) {
      const M* __restrict gate = work.gate, * __restrict y = work.y + first;
      X* __restrict h = work.h + first;
      for (int64_t i = 0; i < width; ++i) row[i] += load(gate[i]) * load(y[i]);
      for (int64_t i = 0; i < width; ++i) store(row[i], h[i]);
    }
    if (!work.z) continue;
    const Moments moments = normalise(row, width, work.epsilon);
    work.statistics[2 * r] = moments.mean;
    work.statistics[2 * r + 1] = moments.inverse;
    const M* __restrict gain = work.gain, * __restrict shift = work.shift;
    M* __restrict z = work.z + first;
    for (int64_t i = 0; i < width; ++i) {
      store(row[i] * load(gain[i]) + load(shift[i]), z[i]);
    }
  }
}

struct ModulationSums {
  float gate[kMostNormWidth], gain[kMostNormWidth], shift[kMostNormWidth];
};

template <class M>
[[gnu::always_inline]] inline void store_sums(const float* __restrict sums, int64_t width, M* __restrict to) {
  for (int64_t i = 0; to && i < width; ++i) store(sums[i], to[i]);
}

// Of one row: what comes through the norm, into `row`; the gradients of gain and shift grow.
template <class X, class M>
[[gnu::always_inline]] inline void add_through_norm(const ModulatedGradients<X, M>& work, int64_t r,
                                                    float* __restrict row, ModulationSums& sums) {
  float normal[kMostNormWidth], g[kMostNormWidth];
  const int64_t width = work.width;
  const float* statistics = work.statistics + 2 * r;
  normalise_again(work.h + r * width, statistics, width, normal);
  const M* __restrict dz = work.dz + r * width, * __restrict gain = work.gain;
  float* __restrict dgain = sums.gain, * __restrict dshift = sums.shift;
  for (int64_t i = 0; i < width; ++i) {
    const float d = load(dz[i]);
    g[i] = d * load(gain[i]);
    dgain[i] += d * normal[i];
    dshift[i] += d;
  }
  const NormSlope slope = slope_of(g, normal, width, statistics[1]);
  for (int64_t i = 0; i < width; ++i) row[i] += slope.of(g[i], normal[i]);
}

template <class X, class M>
[[gnu::always_inline]] inline void differentiate(const ModulatedGradients<X, M>& work) {
  float row[kMostNormWidth];
  ModulationSums sums;
  const int64_t width = work.width;
  for (float* some : {sums.gate, sums.gain, sums.shift}) std::fill_n(some, width, 0.0f);
  for (int64_t r = 0; r < work.rows; ++r) {
    const int64_t first = r * width;
    for (int64_t i = 0; i < width; ++i) row[i] = work.dh ? load(work.dh[first + i]) : 0.0f;
    if (work.dz) add_through_norm(work, r, row, sums);
    X* __restrict dx = work.dx + first;
    for (int64_t i = 0; i < width; ++i) store(row[i], dx[i]);
    if (!work.gate) continue;
    const M* __restrict gate = work.gate, * __restrict y = work.y + first;
    M* __restrict dy = work.dy + first;
    float* __restrict dgate = sums.gate;
    for (int64_t i = 0; i < width; ++i) {
      store(row[i] * load(gate[i]), dy[i]);
      dgate[i] += row[i] * load(y[i]);
    }
  }
  store_sums(sums.gate, width, work.dgate);
  store_sums(sums.gain, width, work.dgain);
  store_sums(sums.shift, width, work.dshift);
}

template <class X, class R>
[[gnu::always_inline]] inline void add_norm(const ResidualRows<X, R>& work) {
  float row[kMostNormWidth];
  const int64_t width = work.width;
  const float* __restrict weight = work.weight, * __restrict bias = work.bias;
  for (int64_t r = 0; r < work.rows; ++r) {
    const X* __restrict x = work.x + r * width;
    for (int64_t i = 0; i < width; ++i) row[i] = load(x[i]);
    const Moments moments = normalise(row, width, work.epsilon);
    work.statistics[2 * r] = moments.mean;
    work.statistics[2 * r + 1] = moments.inverse;
    for (int64_t i = 0; i < width; ++i) row[i] = row[i] * weight[i] + bias[i];
    if (work.gate) {
      const X* __restrict gate = work.gate + r * work.gate_stride;
      for (int64_t i = 0; i < width; ++i) row[i] *= load(gate[i]);
    }
    const R* __restrict residual = work.residual + r * width;
    R* __restrict z = work.z + r * width;
    for (int64_t i = 0; i < width; ++i) store(row[i] + load(residual[i]), z[i]);
  }
}

template <class X, class R>
[[gnu::always_inline]] inline void differentiate(const ResidualGradients<X, R>& work) {
  float normal[kMostNormWidth], g[kMostNormWidth];
  const int64_t width = work.width;
  const float* __restrict weight = work.weight, * __restrict bias = work.bias;
  float* __restrict dweight = work.dweight, * __restrict dbias = work.dbias;
  for (int64_t r = 0; r < work.rows; ++r) {
    normalise_again(work.x + r * width, work.statistics + 2 * r, width, normal);
    const R* __restrict dz = work.dz + r * width;
    for (int64_t i = 0; i < width; ++i) g[i] = load(dz[i]);
    if (work.gate) {
      const X* __restrict gate = work.gate + r * work.gate_stride;
      X* __restrict dgate = work.dgate + r * width;
      for (int64_t i = 0; i < width; ++i) store(g[i] * (normal[i] * weight[i] + bias[i]), dgate[i]);
      for (int64_t i = 0; i < width; ++i) g[i] *= load(gate[i]);
    }
    for (int64_t i = 0; i < width; ++i) {
      dweight[i] += g[i] * normal[i];
      dbias[i] += g[i];
      g[i] *= weight[i];
    }
    const NormSlope slope = slope_of(g, normal, width, work.statistics[2 * r + 1]);
    X* __restrict dx = work.dx + r * width;
    for (int64_t i = 0; i < width; ++i) store(slope.of(g[i], normal[i]), dx[i]);
  }
}

}  // namespace

EVERY_CPU void run(const ModulatedRows<float, float>& work) { modulate(work); }
EVERY_CPU void run(const ModulatedRows<float, Bfloat16Bits>& work) { modulate(work); }
EVERY_CPU void run(const ModulatedRows<Bfloat16Bits, Bfloat16Bits>& work) { modulate(work); }
EVERY_CPU void run(const ModulatedGradients<float, float>& work) { differentiate(work); }
EVERY_CPU void run(const ModulatedGradients<float, Bfloat16Bits>& work) { differentiate(work); }
EVERY_CPU void run(const ModulatedGradients<Bfloat16Bits, Bfloat16Bits>& work) { differentiate(work); }

EVERY_CPU void run(const ResidualRows<float, float>& work) { add_norm(work); }
EVERY_CPU void run(const ResidualRows<Bfloat16Bits, float>& work) { add_norm(work); }
EVERY_CPU void run(const ResidualRows<Bfloat16Bits, Bfloat16Bits>& work) { add_norm(work); }
EVERY_CPU void run(const ResidualGradients<float, float>& work) { differentiate(work); }
EVERY_CPU void run(const ResidualGradients<Bfloat16Bits, float>& work) { differentiate(work); }
EVERY_CPU void run(const ResidualGradients<Bfloat16Bits, Bfloat16Bits>& work) { differentiate(work); }

}  // namespace physgen
