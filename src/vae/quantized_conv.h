#pragma once

#include <ATen/core/Tensor.h>
#include <physgen/kernels/byte_scale.h>

#include <optional>
#include <vector>

#include "kernels/amx_conv.h"

namespace physgen {

/// A convolution of bytes at stride 1, on CPUs that multiply them (see device/int8.h): the weight in a scale for each
/// output channel, the frames in one that is given. Padded with zeros, so that frames keep their size. Safe to use from
/// several threads.
class QuantizedConv {
 public:
  /// @param weight  [O, I, k, k]  @param bias  [O]  @param input  of the frames' bytes
  /// @param dtype  of the output: at::kFloat or at::kBFloat16
  QuantizedConv(const at::Tensor& weight, const at::Tensor& bias, const ByteScale& input, at::ScalarType dtype);

  const ByteScale& input() const { return input_; }

  /// It in AMX's tiles, which also takes what is to become bytes; or none.
  const std::optional<AmxConv>& amx() const { return amx_; }

  /// @param bytes  uint8 [B, I, H, W], channels-last  @return [B, O, H, W], channels-last
  at::Tensor operator()(const at::Tensor& bytes) const;

  /// Adds the convolution to `sum` [B, O, H, W], in place where that is channels-last. @return the sum
  at::Tensor added(const at::Tensor& bytes, const at::Tensor& sum) const;

 private:
  ByteScale input_;
  at::ScalarType dtype_;
  std::vector<int64_t> padding_;
  at::Tensor packed_, steps_, zeros_, bias_;
  std::optional<AmxConv> amx_;
};

}  // namespace physgen
