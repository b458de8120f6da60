#pragma once

#include <ATen/core/Tensor.h>
#include <physgen/kernels/byte_scale.h>

namespace physgen {

/// silu(group_norm(x)), or group_norm(x) alone: eps 1e-6, statistics over a group's channels and everything behind
/// them. One pass over memory to measure and one to apply for channels-last frames on the CPU in float32 and bfloat16
/// (forward and backward; the result does not depend on the number of threads) and, where nothing is differentiated,
/// on GPUs; PyTorch's own operators otherwise.
/// @param x             [B, C, H, W] or [B, C, T, H, W]
/// @param weight, bias  [C], of any floating dtype
/// @param offset        [C], added to x before, or undefined
at::Tensor group_norm_silu(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                           bool silu = true, const at::Tensor& offset = {});

/// The bytes of group_norm_silu(x), as `to_bytes` rounds them, in the same two passes. Nothing is differentiated.
/// @param x  [B, C, H, W], channels-last float32 or bfloat16 on the CPU
at::Tensor group_norm_silu_bytes(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                                 const ByteScale& scale, bool silu = true);

/// group_norm(x) = x scale + shift.
struct GroupNormTerms {
  at::Tensor scale, shift;  ///< float32 [B, C]
};

/// For channels-last frames [B, C, H, W] on the CPU in float32 or bfloat16. Nothing is differentiated.
GroupNormTerms group_norm_terms(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias);

/// x + offset + residual, in one pass over memory on GPUs. @param offset  [C]  @param residual  as x, [B, C, H, W]
at::Tensor add_offset(const at::Tensor& x, const at::Tensor& offset, const at::Tensor& residual);

}  // namespace physgen
