#include "backbone/video_context.h"

#include <limits>

#include <torch/torch.h>

#include <physgen/layers/patch_embed.h>

namespace physgen {
namespace {

int64_t head_width(const NovaConfig& config) { return config.width / config.heads; }

// Positions of frames [first, first + count), behind a prefix of `prefix` tokens at position zero.
RotaryTable frame_rotary(const NovaConfig& config, int64_t first, int64_t count, int64_t prefix,
                         const at::TensorOptions& options) {
  if (config.position == Position::absolute) return {};
  std::vector<at::Tensor> angles = {at::zeros({prefix, head_width(config) / 2})};
  for (int64_t t = first; t < first + count; ++t) {
    const at::Tensor grid = grid_positions(t, config.video_rows(), config.video_columns());
    angles.push_back(rotary_angles_3d(grid, head_width(config), config.rope_theta));
  }
  return rotary_table(at::cat(angles), options);
}

at::Tensor frame_mask(int64_t prefix, int64_t frames, int64_t tokens, const at::TensorOptions& options) {
  const at::Tensor frame = at::cat({at::zeros({prefix}, at::kLong), at::arange(frames).repeat_interleave(tokens)});
  const at::Tensor hidden = frame.unsqueeze(1) < frame.unsqueeze(0);
  return at::zeros(hidden.sizes()).masked_fill_(hidden, -std::numeric_limits<float>::infinity()).to(options);
}

}  // namespace

VideoContext::VideoContext(Nova nova, at::Tensor prefix, int64_t frames)
    : nova_(std::move(nova)),
      prefix_(std::move(prefix)),
      frames_(frames),
      caches_(nova_->make_caches(prefix_.size(0), prefix_.size(1) + frames * nova_->config().video_tokens())) {}

at::Tensor VideoContext::next(const at::Tensor& previous) {
  const torch::NoGradGuard no_grad;
  const NovaConfig& config = nova_->config();
  const bool first = done_ == 0;
  at::Tensor frame =
      first ? nova_->begin_of_video() : nova_->embed_frames(patchify(previous, config.video_patch()))[0];  // [M, C]
  frame = frame + nova_->embed_time(done_, 1, frames_);
  at::Tensor x = frame.expand({prefix_.size(0), -1, -1});
  if (first) x = at::cat({prefix_, x}, 1);
  const RotaryTable rotary = frame_rotary(config, done_, 1, first ? prefix_.size(1) : 0, x.options());
  const at::Tensor outputs = nova_->video_encoder->encode(x, {}, rotary, caches_);
  const at::Tensor tokens = outputs.narrow(1, outputs.size(1) - config.video_tokens(), config.video_tokens());
  ++done_;
  if (first) return anchor_ = tokens;
  return nova_->video_encoder->mix(anchor_, tokens);
}

at::Tensor encode_clip(Nova& nova, const at::Tensor& latents, const at::Tensor& prefix) {
  const NovaConfig& config = nova->config();
  const int64_t batch = latents.size(0), frames = latents.size(2), tokens = config.video_tokens();
  at::Tensor x = nova->begin_of_video().expand({batch, 1, -1, -1});
  if (frames > 1) {
    const at::Tensor seen = latents.narrow(2, 0, frames - 1).transpose(1, 2).flatten(0, 1);
    const at::Tensor patches = patchify(seen, config.video_patch()).unflatten(0, {batch, frames - 1});
    x = at::cat({x, nova->embed_frames(patches)}, 1);  // [B, T, M, C]
  }
  x = x + nova->embed_time(0, frames, frames).view({1, frames, 1, config.width});
  x = at::cat({prefix, x.flatten(1, 2)}, 1);
  std::vector<KvCache> no_caches;
  const at::Tensor mask = frames > 1 ? frame_mask(prefix.size(1), frames, tokens, x.options()) : at::Tensor();
  const RotaryTable rotary = frame_rotary(config, 0, frames, prefix.size(1), x.options());
  const at::Tensor outputs = nova->video_encoder->encode(x, mask, rotary, no_caches);
  return outputs.narrow(1, prefix.size(1), frames * tokens).unflatten(1, {frames, tokens});
}

at::Tensor mix_clip(Nova& nova, const at::Tensor& outputs) {
  if (outputs.size(1) == 1) return outputs;
  const at::Tensor anchor = outputs.narrow(1, 0, 1), later = outputs.narrow(1, 1, outputs.size(1) - 1);
  return at::cat({anchor, nova->video_encoder->mix(anchor, later)}, 1);
}

}  // namespace physgen
