#pragma once

#include <cstdint>

#include "kernels/row_numbers.h"

namespace physgen {

// The loops of attention besides its products, each compiled for several instruction sets.

constexpr int64_t kMostKeys = 512;  // of a softmax

/// Rows in which heads stand beside each other, and the same values head by head, [heads, length, width].
template <class T>
struct HeadRows {
  T *rows, *by_head;
  int64_t stride, length, heads, width;  // stride: from row to row
  float scale;
};

/// To by_head, times scale.
void gather(const HeadRows<float>& work);
void gather(const HeadRows<Bfloat16Bits>& work);
/// To rows, times scale.
void scatter(const HeadRows<float>& work);
void scatter(const HeadRows<Bfloat16Bits>& work);

/// In place, softmax(scores + mask) of each row. @param mask  as scores, or null
void softmax_rows(float* scores, const float* mask, int64_t rows, int64_t keys);
void softmax_rows(Bfloat16Bits* scores, const float* mask, int64_t rows, int64_t keys);

/// From the gradient of shares that softmax gave that of the scores, in place.
void softmax_gradient_rows(const float* shares, float* gradient, int64_t rows, int64_t keys);
void softmax_gradient_rows(const Bfloat16Bits* shares, Bfloat16Bits* gradient, int64_t rows, int64_t keys);

}  // namespace physgen
