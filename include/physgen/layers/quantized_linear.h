#pragma once

#include <ATen/core/Tensor.h>
#include <physgen/kernels/byte_scale.h>

namespace physgen {

/// y = x W^T + b as a product of bytes, on CPUs that multiply them (see device/int8.h): W in a scale for each row, x in
/// one that is given. A snapshot: later changes of W do not reach it. Safe to use from several threads.
class QuantizedLinear {
 public:
  /// @param weight  [out, in]  @param bias  [out] or undefined  @param input  of the bytes of x
  QuantizedLinear(const at::Tensor& weight, const at::Tensor& bias, const ByteScale& input);

  /// x [..., in] -> [..., out] in x's dtype, float32 or bfloat16
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ByteScale input_;
  at::Tensor packed_, steps_, zeros_, bias_;
};

}  // namespace physgen
