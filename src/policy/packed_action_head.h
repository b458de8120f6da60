#pragma once

#include <vector>

#include <physgen/policy/action_head.h>

#include "kernels/packed_linear.h"

namespace physgen {

/// An action head in float32 on the CPU with its weights packed for the few rows of a control round. It computes what
/// ActionHead does, up to the rounding of sums in other orders. Immutable: may be shared by threads.
class PackedActionHead {
 public:
  explicit PackedActionHead(const ActionHead& head);

  /// Keys and values of a condition for each block, [n, K, 2 width]. @param condition  [n, K, C]
  std::vector<at::Tensor> embed_condition(const at::Tensor& condition) const;

  /// As ActionHead::forward, of one timestep and one sample a condition.
  at::Tensor forward(const at::Tensor& x, const std::vector<std::vector<at::Tensor>>& modulations,
                     const std::vector<at::Tensor>& condition) const;

 private:
  struct Block {
    explicit Block(const ActionBlockImpl& block);

    at::Tensor forward(at::Tensor x, const std::vector<at::Tensor>& modulation, const at::Tensor& condition,
                       int64_t heads) const;

    PackedLinear qkv, proj, query, key_value, cross_proj, fc1, fc2;
  };

  ActionHead head_;
  int64_t heads_;
  PackedLinear input_, output_;
  at::Tensor positions_;  // [chunks L, width]
  std::vector<Block> blocks_;
};

}  // namespace physgen
