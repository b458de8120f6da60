#include <physgen/codec/physical_token.h>

#include <algorithm>

#include <torch/torch.h>

#include "layers/position_embed.h"

namespace physgen {
namespace {

constexpr int64_t kSlotWidth = 64;
constexpr int64_t kSlots = 0;  // its table; those of what is executed have its count as their number

// [P, L] bool: what stands in slot l of pack p is an executed action.
at::Tensor known_slots(int64_t first, int64_t packs, int64_t chunk, int64_t executed) {
  at::Tensor pack = at::arange(first, first + packs).unsqueeze(1), slot = at::arange(chunk).unsqueeze(0);
  return (pack > 0).logical_and(slot < executed);
}

}  // namespace

PhysicalTokenImpl::PhysicalTokenImpl(const CodecConfig& config, const NovaConfig& nova)
    : action_tokenizer(config.action_width, nova.width, nova.width, MlpImpl::Activation::silu),
      config_(config),
      width_(nova.width) {
  register_module("action_tokenizer", action_tokenizer);
  begin_of_action = register_parameter("begin_of_action", torch::zeros({1, width_}));
  if (nova.position == Position::absolute) {
    slot_proj = register_module("slot_proj", torch::nn::Linear(kSlotWidth, width_));
  }
  if (config.state_token) {
    state_tokenizer =
        register_module("state_tokenizer", Mlp(config.state_width, width_, width_, MlpImpl::Activation::silu));
  }
  if (config.stem_channels > 0) {
    const int64_t views = std::max<int64_t>(config.stem_views, 1);
    frame_stem = register_module("frame_stem", FrameStem(nova, config.stem_channels, views));
  }
}

at::Tensor PhysicalTokenImpl::action_tokens(const at::Tensor& actions, int64_t first, int64_t executed) {
  const int64_t packs = actions.size(1);
  const at::Tensor known =
      tables_.get({executed, std::min<int64_t>(first, 1), packs}, actions.options().dtype(at::kBool),
                  [&] { return known_slots(first, packs, config_.chunk, executed); });
  at::Tensor embedded = action_tokenizer->forward(actions.to(begin_of_action.scalar_type()));
  at::Tensor tokens = at::where(known.unsqueeze(-1), embedded, begin_of_action.to(embedded.scalar_type()));
  if (!slot_proj) return tokens;
  const at::Tensor slots = tables_.get({kSlots}, slot_proj->weight.options(),
                                       [&] { return sin_cos_embed(at::arange(config_.chunk), kSlotWidth / 2); });
  return tokens + slot_proj->forward(slots);  // [B, P, L, C]
}

at::Tensor PhysicalTokenImpl::forward(Nova& nova, const at::Tensor& patches, const at::Tensor& actions,
                                      const at::Tensor& states, int64_t first, int64_t executed) {
  const int64_t packs = patches.size(1);
  std::vector<at::Tensor> parts = {nova->embed_frames(patches)};
  if (frame_stem) parts.front() = parts.front() + frame_stem->forward(patches);
  if (state_tokenizer) parts.push_back(state_tokenizer->forward(states.to(begin_of_action.scalar_type())).unsqueeze(2));
  parts.push_back(action_tokens(actions, first, executed));
  // A pack carries the index of the frame that it predicts; 0 is the begin of a video.
  at::Tensor time = nova->embed_time(first + 1, packs).view({1, packs, 1, width_});
  return at::cat(parts, 2) + time;
}

at::Tensor pack_angles(const NovaConfig& nova, const CodecConfig& codec, const PackLayout& layout, int64_t p) {
  const int64_t head_width = nova.width / nova.heads;
  at::Tensor grid = grid_positions(p + 1, nova.video_rows(), nova.video_columns());
  std::vector<at::Tensor> parts = {rotary_angles_3d(grid, head_width, nova.rope_theta)};
  if (layout.state > 0) parts.push_back(rotary_angles_3d(grid_positions(p + 1, 1, 1), head_width, nova.rope_theta));
  at::Tensor steps = at::arange(codec.chunk * p, codec.chunk * p + layout.actions);
  parts.push_back(rotary_angles_1d(steps, head_width, codec.action_rope_theta));
  return at::cat(parts, 0);
}

}  // namespace physgen
