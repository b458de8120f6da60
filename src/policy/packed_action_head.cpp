#include "policy/packed_action_head.h"

#include <torch/torch.h>

#include "kernels/row_kernels.h"

namespace physgen {
namespace {

template <class Linear>
PackedLinear packed(const Linear& linear) {
  return {linear->weight, linear->bias};
}

}  // namespace

PackedActionHead::Block::Block(const ActionBlockImpl& block)
    : qkv(packed(block.self_attention->qkv)),
      proj(packed(block.self_attention->proj)),
      query(packed(block.query)),
      key_value(packed(block.key_value)),
      cross_proj(packed(block.cross_proj)),
      fc1(packed(block.mlp->fc1)),
      fc2(packed(block.mlp->fc2)) {}

at::Tensor PackedActionHead::Block::forward(at::Tensor x, const std::vector<at::Tensor>& m, const at::Tensor& condition,
                                            int64_t heads) const {
  const std::vector<at::Tensor> own = split_parts(qkv.forward(x, {.gain = m[1], .shift = m[0]}), 3, heads);
  x = proj.forward(attend_heads(own[0], own[1], own[2]), {.residual = x, .gate = m[2]});
  const at::Tensor asked = split_heads(query.forward(x, {.gain = m[4], .shift = m[3]}), heads);
  const std::vector<at::Tensor> seen = split_parts(condition, 2, heads);
  x = cross_proj.forward(attend_heads(asked, seen[0], seen[1]), {.residual = x, .gate = m[5]});
  const at::Tensor hidden = fc1.forward(x, {.gain = m[7], .shift = m[6], .gelu = true});
  return fc2.forward(hidden, {.residual = x, .gate = m[8]});
}

PackedActionHead::PackedActionHead(const ActionHead& head)
    : head_(head),
      heads_(head->config().heads),
      input_(packed(head->input)),
      output_(packed(head->output)),
      positions_(head_->positions().detach()) {
  for (const auto& block : *head_->blocks) blocks_.emplace_back(*block->as<ActionBlock>());
}

std::vector<at::Tensor> PackedActionHead::embed_condition(const at::Tensor& condition) const {
  const auto& norm = head_->condition_norm;
  const RowWork work{.gain = norm->weight, .shift = norm->bias, .eps = norm->options.eps()};
  std::vector<at::Tensor> keys;
  for (const Block& block : blocks_) keys.push_back(block.key_value.forward(condition, work));
  return keys;
}

at::Tensor PackedActionHead::forward(const at::Tensor& x, const std::vector<std::vector<at::Tensor>>& modulations,
                                     const std::vector<at::Tensor>& condition) const {
  at::Tensor h = input_.forward(x).add_(positions_);
  for (size_t i = 0; i < blocks_.size(); ++i) h = blocks_[i].forward(h, modulations[i], condition[i], heads_);
  return head_->shaped(output_.forward(h, {.gain = modulations.back()[0], .shift = modulations.back()[1]}));
}

}  // namespace physgen
