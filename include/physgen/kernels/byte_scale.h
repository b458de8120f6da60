#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

/// How numbers are written as bytes: a byte b stands for (b - zero) step.
struct ByteScale {
  double step = 1;
  int64_t zero = 0;  ///< the byte of the number 0, which is exact: [0, 255]

  bool operator==(const ByteScale&) const = default;
};

/// The finest scale that reaches from `low` to `high`, and 0.
ByteScale byte_scale(double low, double high);

/// The nearest bytes, uint8 in the shape and layout of x. What the scale does not reach becomes its end.
/// @param x  float32 or bfloat16 without gaps in memory, on the CPU
at::Tensor to_bytes(const at::Tensor& x, const ByteScale& scale);

/// A weight whose rows are signed bytes, each row in steps of its own.
struct ChannelBytes {
  at::Tensor bytes;  ///< int8 in the shape of the weight, [-127, 127]
  at::Tensor steps;  ///< float32 [O]
};

/// @param weight  [O, ...] of any floating dtype
ChannelBytes channel_bytes(const at::Tensor& weight);

}  // namespace physgen
