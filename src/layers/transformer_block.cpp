#include <physgen/layers/transformer_block.h>

#include <algorithm>

#include <torch/torch.h>

#include "kernels/residual_norm.h"
#include "kernels/row_kernels.h"

namespace physgen {
namespace {

at::Tensor add_normed(const at::Tensor& residual, const at::Tensor& x, torch::nn::LayerNorm& norm) {
  if (takes_rows(x)) return add_norm(residual, x, norm->weight, norm->bias, norm->options.eps());
  return residual_norm(x, norm->weight, norm->bias, residual, norm->options.eps());
}

// @param x  the rows of the groups' windows  @return those whose outputs are computed
at::Tensor output_rows(const at::Tensor& x, const std::vector<AttentionGroup>& groups) {
  const auto takes_all = [](const AttentionGroup& group) { return group.outputs.empty(); };
  if (std::all_of(groups.begin(), groups.end(), takes_all)) return x;
  std::vector<at::Tensor> rows;
  int64_t start = 0;
  for (const AttentionGroup& group : groups) {
    const int64_t count = group.windows * group.length;
    const at::Tensor windows = x.narrow(0, start, count).unflatten(0, {group.windows, group.length});
    rows.push_back(rows_of(windows, group.outputs, 1).flatten(0, 1));
    start += count;
  }
  return at::cat(rows);
}

}  // namespace

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
                                         KvCache* cache, const std::vector<RowRange>& outputs) {
  return add_parts(rows_of(x, outputs, 1), attn->forward(x, mask, rotary, cache, outputs));
}

at::Tensor TransformerBlockImpl::forward(const at::Tensor& x, const std::vector<AttentionGroup>& groups) {
  return add_parts(output_rows(x, groups), attn->forward(x, groups));
}

at::Tensor TransformerBlockImpl::add_parts(const at::Tensor& x, const at::Tensor& attended) {
  at::Tensor y = add_normed(x, attended, norm1);
  return add_normed(y, mlp->forward(y), norm2);
}

}  // namespace physgen
