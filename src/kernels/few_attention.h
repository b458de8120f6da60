#pragma once

#include <cstdint>

namespace physgen {

/// One head's attention; `width` numbers of a row lie side by side.
struct HeadAttention {
  const float* q;
  int64_t queries, q_stride;
  const float *k, *v;
  int64_t keys, k_stride, v_stride;
  int64_t width;
  const float* mask;  ///< added to the scores [queries, keys]; null: none
  int64_t mask_stride;
  float* y;  ///< [queries, width]
  int64_t y_stride;
};

/// Numbers of memory that it needs.
int64_t few_attention_memory(int64_t keys, int64_t width);

/// y = softmax(q k^T / sqrt(width)) v, compiled for several instruction sets.
void attend_head(const HeadAttention& head, float* memory);

}  // namespace physgen
