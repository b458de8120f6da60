#include <physgen/layers/transformer_block.h>

namespace physgen {

TransformerBlockImpl::TransformerBlockImpl(int64_t width, int64_t heads)
    : norm1(torch::nn::LayerNormOptions({width})),
      attn(width, heads),
      norm2(torch::nn::LayerNormOptions({width})),
      mlp(width, 4 * width, width) {
  register_module("norm1", norm1);
  register_module("attn", attn);
  register_module("norm2", norm2);
  register_module("mlp", mlp);
}

at::Tensor TransformerBlockImpl::forward(const at::Tensor& x, const at::Tensor& mask, const RotaryTable& rotary,
                                         KvCache* cache) {
  return add_parts(x, attn->forward(x, mask, rotary, cache));
}

at::Tensor TransformerBlockImpl::forward(const at::Tensor& x, const std::vector<AttentionGroup>& groups) {
  return add_parts(x, attn->forward(x, groups));
}

at::Tensor TransformerBlockImpl::add_parts(const at::Tensor& x, const at::Tensor& attended) {
  at::Tensor y = norm1->forward(attended) + x;
  return norm2->forward(mlp->forward(y)) + y;
}

}  // namespace physgen
