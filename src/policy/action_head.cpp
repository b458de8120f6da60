#include <physgen/policy/action_head.h>

#include <torch/torch.h>

#include "kernels/modulated_norm.h"
#include "kernels/row_attention.h"
#include "layers/timestep_embed.h"

namespace physgen {

ActionBlockImpl::ActionBlockImpl(int64_t width, int64_t heads, int64_t condition_width)
    : modulation(width, width, 9),
      self_attention(width, heads),
      query(width, width),
      key_value(condition_width, 2 * width),
      cross_proj(width, width),
      mlp(width, 4 * width, width),
      heads_(heads) {
  register_module("modulation", modulation);
  register_module("self_attention", self_attention);
  register_module("query", query);
  register_module("key_value", key_value);
  register_module("cross_proj", cross_proj);
  register_module("mlp", mlp);
}

ConditionKeys ActionBlockImpl::embed_condition(const at::Tensor& condition) const {
  const at::Tensor rows = key_value->forward(condition);
  const std::vector<at::Tensor> parts = rows.chunk(2, -1);
  return {split_heads(parts[0], heads_), split_heads(parts[1], heads_), rows};
}

at::Tensor ActionBlockImpl::attend_condition(const at::Tensor& x, const ConditionKeys& condition) const {
  // Samples of one condition are queries of one attention: its keys are not repeated.
  at::Tensor queries = query->forward(x).view({condition.keys.size(0), -1, x.size(2)});  // [n, R tokens, width]
  at::Tensor seen = takes_row_attention(queries, condition.rows.size(1))
                        ? attend_other_rows(queries, condition.rows, heads_)
                        : join_heads(attend(split_heads(queries, heads_), condition.keys, condition.values));
  return cross_proj->forward(seen.view(x.sizes()));
}

at::Tensor ActionBlockImpl::forward(at::Tensor x, const std::vector<at::Tensor>& m,
                                    const ConditionKeys& condition) const {
  at::Tensor seen = self_attention->forward(modulate_norm(x, m[1], m[0]));
  std::tie(x, seen) = add_and_modulate_norm(x, m[2], seen, m[4], m[3]);
  std::tie(x, seen) = add_and_modulate_norm(x, m[5], attend_condition(seen, condition), m[7], m[6]);
  return gated_sum(x, m[8], mlp->forward(seen));
}

ActionHeadImpl::ActionHeadImpl(const ActionHeadConfig& config, int64_t condition_width, int64_t chunk,
                               int64_t action_width)
    : input(action_width, config.width),
      output(config.width, action_width * (config.objective == Objective::discrete ? config.bins : 1)),
      condition_norm(torch::nn::LayerNormOptions({condition_width})),
      timestep_proj(kTimestepWidth, config.width, config.width, MlpImpl::Activation::silu),
      final_modulation(config.width, config.width, 2),
      config_(config),
      chunk_(chunk),
      action_width_(action_width) {
  register_module("input", input);
  register_module("condition_norm", condition_norm);
  chunk_token = register_parameter("chunk_token", torch::zeros({config.chunks, config.width}));
  slot_token = register_parameter("slot_token", torch::zeros({chunk, config.width}));
  register_module("timestep_proj", timestep_proj);
  for (int64_t i = 0; i < config.depth; ++i) {
    blocks->push_back(ActionBlock(config.width, config.heads, condition_width));
  }
  register_module("blocks", blocks);
  register_module("final_modulation", final_modulation);
  register_module("output", output);
}

std::vector<ConditionKeys> ActionHeadImpl::embed_condition(const at::Tensor& condition) {
  at::Tensor normed = condition_norm->forward(condition);
  std::vector<ConditionKeys> keys;
  for (const auto& block : *blocks) keys.push_back(block->as<ActionBlock>()->embed_condition(normed));
  return keys;
}

std::vector<std::vector<at::Tensor>> ActionHeadImpl::embed_timesteps(const at::Tensor& timesteps) {
  at::Tensor frequencies = timestep_frequencies(timesteps).to(input->weight.scalar_type());
  at::Tensor embedded = timestep_proj->forward(frequencies).unsqueeze(1);  // [m, 1, width]
  std::vector<std::vector<at::Tensor>> modulations;
  for (const auto& block : *blocks) {
    std::vector<at::Tensor>& parts = modulations.emplace_back(block->as<ActionBlock>()->modulation->forward(embedded));
    for (const size_t scale : {1, 4, 7}) parts[scale] = 1 + parts[scale];
  }
  std::vector<at::Tensor>& parts = modulations.emplace_back(final_modulation->forward(embedded));
  parts[0] = 1 + parts[0];
  return modulations;
}

at::Tensor ActionHeadImpl::forward(const at::Tensor& x, const std::vector<std::vector<at::Tensor>>& modulations,
                                   const std::vector<ConditionKeys>& condition) {
  at::Tensor h = input->forward(x.to(input->weight.scalar_type())) + positions();
  for (size_t i = 0; i < blocks->size(); ++i) {
    h = blocks[i]->as<ActionBlock>()->forward(h, modulations[i], condition[i]);
  }
  return shaped(output->forward(modulate_norm(h, modulations.back()[0], modulations.back()[1])));
}

at::Tensor ActionHeadImpl::positions() const {
  return (chunk_token.unsqueeze(1) + slot_token.unsqueeze(0)).flatten(0, 1);
}

at::Tensor ActionHeadImpl::shaped(const at::Tensor& outputs) const {
  if (config_.objective != Objective::discrete) return outputs;
  return outputs.unflatten(-1, {action_width_, config_.bins});
}

at::Tensor bins_of(const at::Tensor& values, int64_t bins) {
  return ((values + 1) / 2 * static_cast<double>(bins)).floor().clamp(0, static_cast<double>(bins - 1)).to(at::kLong);
}

at::Tensor values_of(const at::Tensor& indices, int64_t bins) {
  return (indices.to(at::kFloat) + 0.5) * (2.0 / static_cast<double>(bins)) - 1;
}

}  // namespace physgen
