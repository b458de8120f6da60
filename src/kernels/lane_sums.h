#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace physgen {

// Sums in lanes, which the compiler makes vectors of.
constexpr int64_t kLanes = 16;

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

}  // namespace physgen
