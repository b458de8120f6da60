#pragma once

#include <ATen/Functions.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstring>

#include "kernels/amx_epilogue.h"
#include "kernels/amx_pack.h"
#include "kernels/norm_tensors.h"
#include "kernels/parallel.h"

namespace physgen {

// How rows are shared among threads for AMX's products: tasks of `kAmxRows` rows, in as many parts as there are
// threads.

inline int64_t count_amx_tasks(int64_t rows) { return (rows + kAmxRows - 1) / kAmxRows; }
inline int64_t count_amx_parts(int64_t rows) { return std::min<int64_t>(at::get_num_threads(), count_amx_tasks(rows)); }

/// A part's tasks.
struct AmxPart {
  int64_t index, first, last;
};

/// Calls `work` with each part, on a thread of its own that is ready for products.
template <class Work>
void for_each_amx_part(int64_t rows, const Work& work) {
  const int64_t tasks = count_amx_tasks(rows), parts = count_amx_parts(rows);
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    const AmxTiles tiles;
    for (int64_t i = begin; i < end; ++i) work(AmxPart{i, tasks * i / parts, tasks * (i + 1) / parts});
  });
}

/// Memory for numbers that begins at a multiple of 64 bytes.
template <class T>
class AmxBuffer {
 public:
  explicit AmxBuffer(int64_t count) : memory_(at::empty({count * static_cast<int64_t>(sizeof(T))}, at::kByte)) {}
  T* get() const { return numbers<T>(memory_); }

 private:
  at::Tensor memory_;
};

/// The rows of each task; where the last one's are no multiple of 32, a copy that zeros fill up to one. Threads share
/// it.
class AmxTaskRows {
 public:
  /// @param x  bfloat16 [rows, width], contiguous; outlives this
  explicit AmxTaskRows(const at::Tensor& x)
      : x_(numbers<Bfloat16Bits>(x)),
        rows_(x.size(0)),
        width_(x.size(1)),
        last_(rows_ % kAmxStep ? kAmxRows * width_ : 0) {
    if (rows_ % kAmxStep == 0) return;
    const int64_t task = count_amx_tasks(rows_) - 1, values = count(task) * width_;
    std::copy_n(x_ + task * kAmxRows * width_, values, last_.get());
    std::fill_n(last_.get() + values, kAmxRows * width_ - values, Bfloat16Bits{});
  }

  /// @return with `rows` a multiple of 32
  AmxRows of(int64_t task) const {
    const int64_t rows = count(task), whole = (rows + kAmxStep - 1) / kAmxStep * kAmxStep;
    return {whole == rows ? x_ + task * kAmxRows * width_ : last_.get(), width_, whole, width_};
  }

  int64_t width() const { return width_; }
  /// How many rows of x a task has.
  int64_t count(int64_t task) const { return std::min(kAmxRows, rows_ - task * kAmxRows); }

 private:
  const Bfloat16Bits* x_;
  int64_t rows_, width_;
  AmxBuffer<Bfloat16Bits> last_;
};

/// Weights [out, in] of float32 as `b`: for rows of `in`, or, on the way back, of `out` numbers.
class AmxWeights {
 public:
  enum class Way { forward, back };

  AmxWeights(const at::Tensor& weight, Way way)
      : depth_(weight.size(way == Way::forward ? 1 : 0)), pairs_(weight.numel()) {
    const at::Tensor rounded = weight.detach().to(at::kBFloat16).contiguous();
    const AmxRows rows{numbers<Bfloat16Bits>(rounded), weight.size(1), weight.size(0), weight.size(1)};
    way == Way::forward ? pack_transposed_pairs(rows, pairs_.get()) : pack_pairs(rows, pairs_.get());
  }

  int64_t depth() const { return depth_; }
  /// From panel to panel.
  int64_t panel() const { return depth_ * kAmxPanel; }
  /// What the product reads for these columns, from `row` of its depth on.
  const Bfloat16Bits* at(int64_t column, int64_t row = 0) const {
    return pairs_.get() + column / kAmxPanel * panel() + row * kAmxPanel;
  }

 private:
  int64_t depth_;
  AmxBuffer<Bfloat16Bits> pairs_;
};

/// 32 columns of the rows' product with weights, in panels of `kAmxRowsPanel`.
inline void multiply_columns(const AmxRows& x, const AmxWeights& weights, int64_t column, float* sums) {
  multiply({x.x, x.stride, weights.at(column), weights.panel(), sums, kAmxPanel, kAmxRowsPanel, x.rows, kAmxStep,
            weights.depth(), false});
}

/// y = x weights + bias, for the first `count` of the rows. @param y  [count, columns] @param bias  null: none
inline void multiply_rows(const AmxRows& x, const AmxWeights& weights, const float* bias, int64_t count,
                          int64_t columns, Bfloat16Bits* y, float* sums) {
  for (int64_t column = 0; column < columns; column += kAmxStep) {
    multiply_columns(x, weights, column, sums);
    add_bias({sums, bias ? bias + column : nullptr, y + column, count, columns});
  }
}

}  // namespace physgen
