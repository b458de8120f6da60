#include "kernels/head_rows.h"

#include "kernels/every_cpu.h"
#include "kernels/lane_sums.h"

namespace physgen {
namespace {

template <class T>
[[gnu::always_inline]] inline void gather_rows(const HeadRows<T>& work) {
  for (int64_t head = 0; head < work.heads; ++head) {
    for (int64_t row = 0; row < work.length; ++row) {
      const T* __restrict from = work.rows + row * work.stride + head * work.width;
      T* __restrict to = work.by_head + (head * work.length + row) * work.width;
      for (int64_t i = 0; i < work.width; ++i) store(load(from[i]) * work.scale, to[i]);
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void scatter_rows(const HeadRows<T>& work) {
  for (int64_t row = 0; row < work.length; ++row) {
    for (int64_t head = 0; head < work.heads; ++head) {
      const T* __restrict from = work.by_head + (head * work.length + row) * work.width;
      T* __restrict to = work.rows + row * work.stride + head * work.width;
      for (int64_t i = 0; i < work.width; ++i) store(load(from[i]) * work.scale, to[i]);
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void softmax_row(T* __restrict scores, const float* __restrict mask, int64_t keys) {
  float row[kMostKeys];
  for (int64_t i = 0; i < keys; ++i) row[i] = load(scores[i]);
  for (int64_t i = 0; mask && i < keys; ++i) row[i] += mask[i];
  softmax(row, keys);
  for (int64_t i = 0; i < keys; ++i) store(row[i], scores[i]);
}

template <class T>
[[gnu::always_inline]] inline void softmax_gradient_row(const T* __restrict shares, T* __restrict gradient,
                                                        int64_t keys) {
  float share[kMostKeys], row[kMostKeys];
  for (int64_t i = 0; i < keys; ++i) {
    share[i] = load(shares[i]);
    row[i] = load(gradient[i]);
  }
  const float level = sum_of_products(share, row, keys) / sum_of(share, keys);  // rounded shares do not sum to one
  for (int64_t i = 0; i < keys; ++i) store(share[i] * (row[i] - level), gradient[i]);
}

template <class T>
[[gnu::always_inline]] inline void softmax_all(T* scores, const float* mask, int64_t rows, int64_t keys) {
  for (int64_t row = 0; row < rows; ++row) softmax_row(scores + row * keys, mask ? mask + row * keys : nullptr, keys);
}

template <class T>
[[gnu::always_inline]] inline void softmax_gradient_all(const T* shares, T* gradient, int64_t rows, int64_t keys) {
  for (int64_t row = 0; row < rows; ++row) softmax_gradient_row(shares + row * keys, gradient + row * keys, keys);
}

}  // namespace

EVERY_CPU void gather(const HeadRows<float>& work) { gather_rows(work); }
EVERY_CPU void gather(const HeadRows<Bfloat16Bits>& work) { gather_rows(work); }
EVERY_CPU void scatter(const HeadRows<float>& work) { scatter_rows(work); }
EVERY_CPU void scatter(const HeadRows<Bfloat16Bits>& work) { scatter_rows(work); }

EVERY_CPU void softmax_rows(float* scores, const float* mask, int64_t rows, int64_t keys) {
  softmax_all(scores, mask, rows, keys);
}
EVERY_CPU void softmax_rows(Bfloat16Bits* scores, const float* mask, int64_t rows, int64_t keys) {
  softmax_all(scores, mask, rows, keys);
}

EVERY_CPU void softmax_gradient_rows(const float* shares, float* gradient, int64_t rows, int64_t keys) {
  softmax_gradient_all(shares, gradient, rows, keys);
}
EVERY_CPU void softmax_gradient_rows(const Bfloat16Bits* shares, Bfloat16Bits* gradient, int64_t rows, int64_t keys) {
  softmax_gradient_all(shares, gradient, rows, keys);
}

}  // namespace physgen
