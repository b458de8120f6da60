#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/fast_exp.h"

namespace physgen {

// Sums of rows and what is made of them, in lanes, which the compiler makes vectors of.

/// As many numbers as a register of AVX-512 holds.
inline constexpr int64_t kLanes = 16;

[[gnu::always_inline]] inline float sum_of(const float* __restrict x, int64_t width) {
  float lanes[kLanes] = {}, sum = 0;
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane];
  }
  for (; i < width; ++i) sum += x[i];
  for (const float lane : lanes) sum += lane;
  return sum;
}

[[gnu::always_inline]] inline float sum_of_products(const float* x, const float* y, int64_t width) {
  float lanes[kLanes] = {}, sum = 0;
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane] * y[i + lane];
  }
  for (; i < width; ++i) sum += x[i] * y[i];
  for (const float lane : lanes) sum += lane;
  return sum;
}

[[gnu::always_inline]] inline float greatest_of(const float* __restrict x, int64_t width) {
  float lanes[kLanes], most = -std::numeric_limits<float>::infinity();
  std::fill_n(lanes, kLanes, most);
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] = lanes[lane] < x[i + lane] ? x[i + lane] : lanes[lane];
  }
  for (; i < width; ++i) most = most < x[i] ? x[i] : most;
  for (const float lane : lanes) most = most < lane ? lane : most;
  return most;
}

/// The mean of a row, and 1 / its deviation.
struct Moments {
  float mean, inverse;
};

/// Leaves the row normalised.
[[gnu::always_inline]] inline Moments normalise(float* __restrict row, int64_t width, float epsilon) {
  const float mean = sum_of(row, width) / static_cast<float>(width);
  for (int64_t i = 0; i < width; ++i) row[i] -= mean;
  const float inverse = 1.0f / std::sqrt(sum_of_products(row, row, width) / static_cast<float>(width) + epsilon);
  for (int64_t i = 0; i < width; ++i) row[i] *= inverse;
  return {mean, inverse};
}

/// In place.
[[gnu::always_inline]] inline void softmax(float* __restrict row, int64_t width) {
  constexpr float kLeast = -87.0f;  // below it a share is nothing
  const float most = greatest_of(row, width);
  for (int64_t i = 0; i < width; ++i) {
    const float exponent = row[i] - most;
    row[i] = exponent < kLeast ? 0.0f : fast_exp(exponent);
  }
  const float inverse = 1.0f / sum_of(row, width);
  for (int64_t i = 0; i < width; ++i) row[i] *= inverse;
}

}  // namespace physgen
