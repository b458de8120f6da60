#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace physgen {

/// The keys and values of one attention layer, written in place into memory that is allocated once.
class KvCache {
 public:
  /// @param shape  batch, heads, most positions, width of a head
  KvCache(at::IntArrayRef shape, const at::TensorOptions& options);

  /// Adds keys and values [B, H, n, d] and returns views of all so far, [B, H, length, d] each.
  /// Throws when they do not fit.
  std::pair<at::Tensor, at::Tensor> append(const at::Tensor& keys, const at::Tensor& values);
  /// Forgets the positions [start, start + count); those behind them move up.
  void evict(int64_t start, int64_t count);
  /// Goes back to the first `length` positions, or on to such as were written before.
  void set_length(int64_t length);
  int64_t length() const { return length_; }

 private:
  at::Tensor keys_, values_;
  int64_t length_ = 0;
};

}  // namespace physgen
