#pragma once

#include <torch/nn/modules/normalization.h>

#include <physgen/layers/attention.h>
#include <physgen/layers/mlp.h>

namespace physgen {

/// NOVA's residual post-norm block: x = LN1(attn(x)) + x, x = LN2(mlp(x)) + x.
/// Reference: diffnext/models/vision_transformer.py Block.
class TransformerBlockImpl : public torch::nn::Module {
 public:
  TransformerBlockImpl(int64_t width, int64_t heads);

  /// As Attention::forward.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& mask = {}, const RotaryTable& rotary = {},
                     KvCache* cache = nullptr, const std::vector<RowRange>& outputs = {});
  at::Tensor forward(const at::Tensor& x, const std::vector<AttentionGroup>& groups);

  torch::nn::LayerNorm norm1;
  Attention attn;
  torch::nn::LayerNorm norm2;
  Mlp mlp;

 private:
  at::Tensor add_parts(const at::Tensor& x, const at::Tensor& attended);
};
TORCH_MODULE(TransformerBlock);

}  // namespace physgen
