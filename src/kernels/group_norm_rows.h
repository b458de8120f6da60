#pragma once

#include <cstdint>

#include "kernels/row_numbers.h"

namespace physgen {

// The loops of GroupNorm + SiLU over rows of channels, each compiled for several instruction sets. A run of whole rows
// is read as `count` flat values; per-channel coefficients are repeated over `period` values (a whole number of rows),
// so that the inner loops are long where the channels are few. With z = x scale + shift, y = silu(z), or y = z.

/// The most of these that this CPU has: "x86-64-v4". What it does not have is never run.
const char* instruction_set();

/// sums[0, period) += x, sums[period, 2 period) += x x.
void add_sums(const float* x, int64_t count, int64_t period, float* sums);
void add_sums(const Bfloat16Bits* x, int64_t count, int64_t period, float* sums);

/// y from x.
void apply_norm(const float* x, int64_t count, int64_t period, const float* scale, const float* shift, bool silu,
                float* y);
void apply_norm(const Bfloat16Bits* x, int64_t count, int64_t period, const float* scale, const float* shift, bool silu,
                Bfloat16Bits* y);

/// How numbers become bytes: x / step + zero, rounded to the nearest integer (halves to the even one) in [0, 255].
struct ByteRounding {
  ByteRounding(double step, int64_t zero_byte)
      : inverse_step(static_cast<float>(1 / step)), zero(static_cast<float>(zero_byte)) {}
  float inverse_step, zero;
};

/// y from x, as bytes.
void apply_norm(const float* x, int64_t count, int64_t period, const float* scale, const float* shift, bool silu,
                const ByteRounding& rounding, uint8_t* y);
void apply_norm(const Bfloat16Bits* x, int64_t count, int64_t period, const float* scale, const float* shift, bool silu,
                const ByteRounding& rounding, uint8_t* y);

/// x itself, as bytes.
void round_to_bytes(const float* x, int64_t count, const ByteRounding& rounding, uint8_t* y);
void round_to_bytes(const Bfloat16Bits* x, int64_t count, const ByteRounding& rounding, uint8_t* y);

/// sums[0, period) += dz, sums[period, 2 period) += dz x.
void add_gradient_sums(const float* x, const float* dy, int64_t count, int64_t period, const float* scale,
                       const float* shift, bool silu, float* sums);
void add_gradient_sums(const Bfloat16Bits* x, const Bfloat16Bits* dy, int64_t count, int64_t period, const float* scale,
                       const float* shift, bool silu, float* sums);

/// dx = dz scale + x slope + offset.
void apply_norm_gradient(const float* x, const float* dy, int64_t count, int64_t period, const float* scale,
                         const float* shift, const float* slope, const float* offset, bool silu, float* dx);
void apply_norm_gradient(const Bfloat16Bits* x, const Bfloat16Bits* dy, int64_t count, int64_t period,
                         const float* scale, const float* shift, const float* slope, const float* offset, bool silu,
                         Bfloat16Bits* dx);

}  // namespace physgen
