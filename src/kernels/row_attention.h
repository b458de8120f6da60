#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

// softmax(q k^T / sqrt(d) + mask) v of rows in which heads stand beside each other, to be differentiated on the CPU: by
// plain products, and between them one pass over memory for each of what else is done. With few keys PyTorch's fused
// attention takes three times as long there in bfloat16.

/// Whether `attend_rows` is what to call.
/// @param keys  rows that are seen
bool takes_row_attention(const at::Tensor& rows, int64_t keys);

/// Rows that see each other. @param rows  [B, L, 3 C], q, k and v in turn @param mask  additive [L, L], or undefined
/// @return [B, L, C]
at::Tensor attend_rows(const at::Tensor& rows, int64_t heads, const at::Tensor& mask = {});

/// Rows that see others. @param queries  [B, Q, C] @param keys_values  [B, L, 2 C] @return [B, Q, C]
at::Tensor attend_other_rows(const at::Tensor& queries, const at::Tensor& keys_values, int64_t heads);

}  // namespace physgen
