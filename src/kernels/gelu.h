#pragma once

#include <cmath>

#include "kernels/fast_exp.h"

namespace physgen {

/// The value of an activation and its slope.
struct ActivationPoint {
  float value, slope;
};

/// gelu(x), absolute error 2e-7 of x: Abramowitz and Stegun's 7.1.26 for erf, whose exponential is that of the slope.
[[gnu::always_inline]] inline ActivationPoint gelu_at(float x) {
  const float z = std::fabs(x) * 0.70710678f, t = 1.0f / (1.0f + 0.3275911f * z), bell = fast_exp(-z * z);
  const float sum =
      t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float tail = 0.5f * sum * bell;  // of the normal distribution beyond |x|
  const float below = x < 0.0f ? tail : 1.0f - tail;
  return {x * below, below + x * 0.39894228f * bell};
}

}  // namespace physgen
