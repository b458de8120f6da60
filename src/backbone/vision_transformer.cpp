#include <physgen/backbone/vision_transformer.h>

#include <torch/torch.h>

#include "layers/activation_checkpoint.h"

namespace physgen {
namespace {

// Positions of `count` condition tokens (zero: no rotation) before those of the tokens.
RotaryTable with_condition(const RotaryTable& rotary, int64_t count) {
  if (!rotary.defined()) return {};
  std::vector<int64_t> shape = rotary.cosine.sizes().vec();
  shape[shape.size() - 2] = count;
  return {at::cat({at::ones(shape, rotary.cosine.options()), rotary.cosine}, -2),
          at::cat({at::zeros(shape, rotary.sine.options()), rotary.sine}, -2)};
}

// The tokens of each frame at its ids, [F, n, C]; whole rows, whose gradients are quicker to add than single numbers.
at::Tensor selected(const at::Tensor& x, const at::Tensor& ids) {
  const at::Tensor first = at::arange(x.size(0), ids.options()).mul(x.size(1)).unsqueeze(1);  // row of each frame
  return x.flatten(0, 1).index_select(0, (ids + first).flatten()).unflatten(0, {ids.size(0), ids.size(1)});
}

// Each frame's own positions: [F, 1, n, d/2].
RotaryTable gathered(const RotaryTable& rotary, const at::Tensor& ids) {
  if (!rotary.defined()) return {};
  return {rotary.cosine.index({ids}).unsqueeze(1), rotary.sine.index({ids}).unsqueeze(1)};
}

// @param is_last  whose outputs are the transformer's
std::vector<AttentionGroup> groups_of_block(const std::vector<TokenGroup>& groups, int64_t index, bool is_last) {
  std::vector<AttentionGroup> of_block;
  for (const TokenGroup& group : groups) {
    of_block.push_back({group.windows, group.length, group.mask, group.rotary});
    if (is_last) of_block.back().outputs = group.outputs;
    for (std::vector<KvCache>* caches : group.caches) of_block.back().caches.push_back(&(*caches)[index]);
  }
  return of_block;
}

}  // namespace

VisionTransformerImpl::VisionTransformerImpl(int64_t channels, int64_t patch, int64_t width, int64_t heads,
                                             int64_t depth, int64_t mixer_rank)
    : patch_embed(channels, width, patch), norm(torch::nn::LayerNormOptions({width})) {
  register_module("patch_embed", patch_embed);
  for (int64_t i = 0; i < depth; ++i) blocks->push_back(TransformerBlock(width, heads));
  register_module("blocks", blocks);
  register_module("norm", norm);
  if (mixer_rank == 0) return;
  mixer = register_module("mixer", AdaLayerNorm(width, width, 2, std::max<int64_t>(mixer_rank, 0)));
}

at::Tensor VisionTransformerImpl::encode(at::Tensor x, const at::Tensor& mask, const RotaryTable& rotary,
                                         std::vector<KvCache>& caches, const std::vector<RowRange>& outputs) {
  const std::vector<RowRange> all;
  for (int64_t i = 0; i < depth(); ++i) {
    const bool is_last = i + 1 == depth();
    x = run_block(i, x, mask, rotary, caches.empty() ? nullptr : &caches[i], is_last ? outputs : all);
  }
  return norm->forward(x);
}

at::Tensor VisionTransformerImpl::encode(at::Tensor x, const std::vector<TokenGroup>& groups) {
  for (int64_t i = 0; i < depth(); ++i) {
    x = blocks[i]->as<TransformerBlock>()->forward(x, groups_of_block(groups, i, i + 1 == depth()));
  }
  return norm->forward(x);
}

void VisionTransformerImpl::pack() {
  for (const auto& item : *blocks) {
    auto* block = item->as<TransformerBlock>();
    for (LoraLinear linear : {block->attn->qkv, block->attn->proj, block->mlp->fc1, block->mlp->fc2}) {
      linear->pack();
    }
  }
}

at::Tensor VisionTransformerImpl::run(at::Tensor x, int64_t first, int64_t last, const RotaryTable& rotary) {
  for (int64_t i = first; i < last; ++i) x = run_block(i, x, {}, rotary, nullptr);
  return x;
}

at::Tensor VisionTransformerImpl::run_block(int64_t index, const at::Tensor& x, const at::Tensor& mask,
                                            const RotaryTable& rotary, KvCache* cache,
                                            const std::vector<RowRange>& outputs) {
  auto* block = blocks[index]->as<TransformerBlock>();
  if (!checkpoint_activations) return block->forward(x, mask, rotary, cache, outputs);
  return run_checkpointed([=](const at::Tensor& input) { return block->forward(input, mask, rotary, cache, outputs); },
                          x);
}

at::Tensor VisionTransformerImpl::complete(const at::Tensor& x, const at::Tensor& known_ids,
                                           const at::Tensor& condition, const RotaryTable& rotary) {
  const int64_t half = depth() / 2, prefix = condition.size(1);
  at::Tensor ids = known_ids.unsqueeze(-1).expand({-1, -1, x.size(2)});  // [F, n, C]
  at::Tensor known = at::cat({condition, selected(x, known_ids)}, 1);
  known = run(known, 0, half, with_condition(gathered(rotary, known_ids), prefix));
  at::Tensor all = x.to(known.scalar_type()).scatter(1, ids, known.narrow(1, prefix, known_ids.size(1)));
  all = at::cat({known.narrow(1, 0, prefix), all}, 1);
  all = run(all, half, depth(), with_condition(rotary, prefix));
  return norm->forward(all.narrow(1, prefix, x.size(1)));
}

at::Tensor VisionTransformerImpl::mix(const at::Tensor& anchor, const at::Tensor& x) const {
  if (!mixer) return x;
  std::vector<at::Tensor> parts = mixer->forward(x);
  return anchor * (1 + parts[0]) + parts[1];
}

}  // namespace physgen
