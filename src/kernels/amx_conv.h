#pragma once

#include <ATen/core/Tensor.h>
#include <physgen/kernels/byte_scale.h>

#include <cstdint>

#include "kernels/amx_conv_tasks.h"
#include "kernels/group_norm_silu.h"

namespace physgen {

/// A convolution of channels-last frames on a CPU with AMX (amx_conv_block.h), of float32, bfloat16 or bytes; without
/// gradients. At stride 1 frames are padded with zeros so that they keep their size, at stride 2 right and bottom only.
/// Safe to use from several threads.
class AmxConv {
 public:
  /// Whether there is one for weights [O, I, k, k] of this type: whole tiles of outputs and channels, k of 1 or 3;
  /// and its kernels serve.
  static bool fits(const at::Tensor& weight);

  /// @param weight  float32 or bfloat16, as the frames  @param bias  [O]
  AmxConv(const at::Tensor& weight, const at::Tensor& bias, int64_t stride);
  /// Of frames' bytes, at stride 1. @param dtype  of what comes out: float32 or bfloat16
  AmxConv(const ChannelBytes& weight, const at::Tensor& bias, const ByteScale& input, at::ScalarType dtype);

  /// Whether `forward` takes x: no gradient is asked for, and rows are not too short for them.
  bool takes(const at::Tensor& x) const;

  /// @param x     [B, I, H, W] of the frames' type; of bytes also of what comes out, with a norm
  /// @param norm  what is convolved is silu(x scale + shift); undefined: x
  /// @param sum   undefined, or [B, O, H', W'], channels-last: the convolution is added to it
  /// @return      [B, O, H', W'], channels-last, or the sum
  at::Tensor forward(const at::Tensor& x, const GroupNormTerms& norm = {}, const at::Tensor& sum = {}) const;

 private:
  template <class Number, class Input, class Output>
  void convolve(const at::Tensor& x, const GroupNormTerms& norm, const at::Tensor& y, bool adds) const;

  template <class Output>
  void convolve_bytes(const at::Tensor& x, const GroupNormTerms& norm, const at::Tensor& y, bool adds) const;

  AmxConvSizes sizes_;
  at::ScalarType number_, output_;  // that are multiplied, and come out
  ByteRounding bytes_{1, 0};
  at::Tensor tiles_, scale_, bias_;  // the weights as `AmxConvBlock` reads them; of bytes' sums [O]; [O]
};

}  // namespace physgen
