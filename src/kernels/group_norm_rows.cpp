#include "kernels/group_norm_rows.h"

#include <algorithm>

#include "kernels/every_cpu.h"
#include "kernels/fast_exp.h"

namespace physgen {
namespace {

[[gnu::always_inline]] inline float sigmoid(float z) { return 1.0f / (1.0f + fast_exp(-z)); }

/// d silu(z) / dz
[[gnu::always_inline]] inline float silu_slope(float z) {
  const float s = sigmoid(z);
  return s * (1.0f + z * (1.0f - s));
}

template <class T>
[[gnu::always_inline]] inline void sum_rows(const T* __restrict x, int64_t count, int64_t period,
                                            float* __restrict sums) {
  float* __restrict squares = sums + period;
  for (int64_t first = 0; first < count; first += period, x += period) {
    const int64_t n = std::min(period, count - first);
    for (int64_t i = 0; i < n; ++i) {
      const float value = load(x[i]);
      sums[i] += value;
      squares[i] += value * value;
    }
  }
}

template <bool kSilu, class T>
[[gnu::always_inline]] inline void norm_rows(const T* __restrict x, int64_t count, int64_t period,
                                             const float* __restrict scale, const float* __restrict shift,
                                             T* __restrict y) {
  for (int64_t first = 0; first < count; first += period, x += period, y += period) {
    const int64_t n = std::min(period, count - first);
    for (int64_t i = 0; i < n; ++i) {
      const float z = load(x[i]) * scale[i] + shift[i];
      store(kSilu ? z * sigmoid(z) : z, y[i]);
    }
  }
}

/// sigmoid(z) within 3e-4 of it, for what is rounded to bytes next: a shorter power of two, and an inverse that is
/// guessed from its bits and bettered by two of Newton's steps.
[[gnu::always_inline]] inline float near_sigmoid(float z) {
  float power = z * -1.44269504f;
  power = power < -120.0f ? -120.0f : (power > 120.0f ? 120.0f : power);
  constexpr float kRound = 12582912.0f;  // as in fast_exp
  const float shifted = power + kRound, rest = power - (shifted - kRound);
  const int32_t whole = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound);
  const float part = 1.0f + rest * (0.6931472f + rest * (0.2402265f + rest * (0.0555041f + rest * 0.0096181f)));
  const float sum = 1.0f + part * std::bit_cast<float>((whole + 127) << 23);
  float inverse = std::bit_cast<float>(0x7ef311c7u - std::bit_cast<uint32_t>(sum));
  inverse *= 2.0f - sum * inverse;
  return inverse * (2.0f - sum * inverse);
}

[[gnu::always_inline]] inline uint8_t rounded(float value, const ByteRounding& rounding) {
  float place = value * rounding.inverse_step + rounding.zero;
  place = place < 0.0f ? 0.0f : (place > 255.0f ? 255.0f : place);
  constexpr float kRound = 12582912.0f;  // as in fast_exp
  return static_cast<uint8_t>(std::bit_cast<uint32_t>(place + kRound));
}

template <bool kSilu, class T>
[[gnu::always_inline]] inline void norm_rows_to_bytes(const T* __restrict x, int64_t count, int64_t period,
                                                      const float* __restrict scale, const float* __restrict shift,
                                                      const ByteRounding& rounding, uint8_t* __restrict y) {
  const ByteRounding own = rounding;
  for (int64_t first = 0; first < count; first += period, x += period, y += period) {
    const int64_t n = std::min(period, count - first);
    for (int64_t i = 0; i < n; ++i) {
      const float z = load(x[i]) * scale[i] + shift[i];
      y[i] = rounded(kSilu ? z * near_sigmoid(z) : z, own);
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void round_rows(const T* __restrict x, int64_t count, const ByteRounding& rounding,
                                              uint8_t* __restrict y) {
  const ByteRounding own = rounding;
  for (int64_t i = 0; i < count; ++i) y[i] = rounded(load(x[i]), own);
}

template <bool kSilu, class T>
[[gnu::always_inline]] inline void sum_gradient_rows(const T* __restrict x, const T* __restrict dy, int64_t count,
                                                     int64_t period, const float* __restrict scale,
                                                     const float* __restrict shift, float* __restrict sums) {
  float* __restrict products = sums + period;
  for (int64_t first = 0; first < count; first += period, x += period, dy += period) {
    const int64_t n = std::min(period, count - first);
    for (int64_t i = 0; i < n; ++i) {
      const float value = load(x[i]);
      const float dz = load(dy[i]) * (kSilu ? silu_slope(value * scale[i] + shift[i]) : 1.0f);
      sums[i] += dz;
      products[i] += dz * value;
    }
  }
}

template <bool kSilu, class T>
[[gnu::always_inline]] inline void gradient_rows(const T* __restrict x, const T* __restrict dy, int64_t count,
                                                 int64_t period, const float* __restrict scale,
                                                 const float* __restrict shift, const float* __restrict slope,
                                                 const float* __restrict offset, T* __restrict dx) {
  for (int64_t first = 0; first < count; first += period, x += period, dy += period, dx += period) {
    const int64_t n = std::min(period, count - first);
    for (int64_t i = 0; i < n; ++i) {
      const float value = load(x[i]);
      const float dz = load(dy[i]) * (kSilu ? silu_slope(value * scale[i] + shift[i]) : 1.0f);
      store(dz * scale[i] + value * slope[i] + offset[i], dx[i]);
    }
  }
}

}  // namespace

const char* instruction_set() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
  if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
  return "x86-64";
#else
  return "the compiler's own";
#endif
}

EVERY_CPU void add_sums(const float* x, int64_t count, int64_t period, float* sums) {
  sum_rows(x, count, period, sums);
}
EVERY_CPU void add_sums(const Bfloat16Bits* x, int64_t count, int64_t period, float* sums) {
  sum_rows(x, count, period, sums);
}

EVERY_CPU void apply_norm(const float* x, int64_t count, int64_t period, const float* scale, const float* shift,
                          bool silu, float* y) {
  silu ? norm_rows<true>(x, count, period, scale, shift, y) : norm_rows<false>(x, count, period, scale, shift, y);
}
EVERY_CPU void apply_norm(const Bfloat16Bits* x, int64_t count, int64_t period, const float* scale, const float* shift,
                          bool silu, Bfloat16Bits* y) {
  silu ? norm_rows<true>(x, count, period, scale, shift, y) : norm_rows<false>(x, count, period, scale, shift, y);
}

EVERY_CPU void apply_norm(const float* x, int64_t count, int64_t period, const float* scale, const float* shift,
                          bool silu, const ByteRounding& rounding, uint8_t* y) {
  silu ? norm_rows_to_bytes<true>(x, count, period, scale, shift, rounding, y)
       : norm_rows_to_bytes<false>(x, count, period, scale, shift, rounding, y);
}
EVERY_CPU void apply_norm(const Bfloat16Bits* x, int64_t count, int64_t period, const float* scale, const float* shift,
                          bool silu, const ByteRounding& rounding, uint8_t* y) {
  silu ? norm_rows_to_bytes<true>(x, count, period, scale, shift, rounding, y)
       : norm_rows_to_bytes<false>(x, count, period, scale, shift, rounding, y);
}

EVERY_CPU void round_to_bytes(const float* x, int64_t count, const ByteRounding& rounding, uint8_t* y) {
  round_rows(x, count, rounding, y);
}
EVERY_CPU void round_to_bytes(const Bfloat16Bits* x, int64_t count, const ByteRounding& rounding, uint8_t* y) {
  round_rows(x, count, rounding, y);
}

EVERY_CPU void add_gradient_sums(const float* x, const float* dy, int64_t count, int64_t period, const float* scale,
                                 const float* shift, bool silu, float* sums) {
  silu ? sum_gradient_rows<true>(x, dy, count, period, scale, shift, sums)
       : sum_gradient_rows<false>(x, dy, count, period, scale, shift, sums);
}
EVERY_CPU void add_gradient_sums(const Bfloat16Bits* x, const Bfloat16Bits* dy, int64_t count, int64_t period,
                                 const float* scale, const float* shift, bool silu, float* sums) {
  silu ? sum_gradient_rows<true>(x, dy, count, period, scale, shift, sums)
       : sum_gradient_rows<false>(x, dy, count, period, scale, shift, sums);
}

EVERY_CPU void apply_norm_gradient(const float* x, const float* dy, int64_t count, int64_t period, const float* scale,
                                   const float* shift, const float* slope, const float* offset, bool silu, float* dx) {
  silu ? gradient_rows<true>(x, dy, count, period, scale, shift, slope, offset, dx)
       : gradient_rows<false>(x, dy, count, period, scale, shift, slope, offset, dx);
}
EVERY_CPU void apply_norm_gradient(const Bfloat16Bits* x, const Bfloat16Bits* dy, int64_t count, int64_t period,
                                   const float* scale, const float* shift, const float* slope, const float* offset,
                                   bool silu, Bfloat16Bits* dx) {
  silu ? gradient_rows<true>(x, dy, count, period, scale, shift, slope, offset, dx)
       : gradient_rows<false>(x, dy, count, period, scale, shift, slope, offset, dx);
}

}  // namespace physgen
