#include <physgen/backbone/nova.h>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "layers/position_embed.h"

namespace physgen {
namespace {

// The tables: of a grid's places, and of the rotary angles of a frame's patches.
enum Table : int64_t { kGrid, kRotary };

void check_divides(int64_t divisor, int64_t value, const std::string& what, const std::string& where) {
  if (value % divisor == 0) return;
  throw ConfigError({.what = what,
                     .where = where,
                     .got = std::to_string(value),
                     .expected = "a multiple of " + std::to_string(divisor),
                     .next_step = "change one of the two"});
}

}  // namespace

void check_sizes(const NovaConfig& config, const std::string& where) {
  check_divides(config.heads, config.width, "the width does not split into the heads", where + ".width");
  check_divides(4, config.width, "positions need four equal parts of the width", where + ".width");
  check_divides(config.video_patch(), config.latent_height, "the latent does not split into patches",
                where + ".latent_height");
  check_divides(config.video_patch(), config.latent_width, "the latent does not split into patches",
                where + ".latent_width");
  if (config.position == Position::rope) {
    check_divides(32, config.width / config.heads, "rotary positions split a head 1 : 3.5 : 3.5 into even parts",
                  where + ".width / heads");
  }
  if (config.objective == Objective::discrete) {
    throw ConfigError({.what = "the diffusion MLP has no such objective",
                       .where = where + ".objective",
                       .got = "discrete",
                       .expected = "epsilon or flow_matching"});
  }
  if (config.text_slots > config.text_rows) {
    throw ConfigError({.what = "the null table is shorter than the text",
                       .where = where + ".text_slots",
                       .got = std::to_string(config.text_slots),
                       .expected = "at most text_rows = " + std::to_string(config.text_rows),
                       .next_step = "raise text_rows"});
  }
  if (config.motion_tokens && !config.motion_embed) {
    throw ConfigError({.what = "motion tokens need the motion embedding",
                       .where = where + ".motion_tokens",
                       .got = "true",
                       .expected = "motion_embed true as well",
                       .next_step = "set motion_embed"});
  }
}

at::Tensor grid_positions(int64_t time, int64_t height, int64_t width) {
  at::Tensor h = at::arange(height).unsqueeze(1).expand({height, width});
  at::Tensor w = at::arange(width).unsqueeze(0).expand({height, width});
  return at::stack({at::full({height, width}, time, at::kLong), h, w}, 2).flatten(0, 1);
}

NovaImpl::NovaImpl(const NovaConfig& config)
    : video_encoder(config.latent_channels, config.video_patch(), config.width, config.heads, config.video_depth,
                    config.mixer_rank),
      image_encoder(config.latent_channels, config.image_patch, config.width, config.heads, config.image_depth),
      image_decoder(config.latent_channels, config.image_patch, config.width, config.decoder_width,
                    config.decoder_depth),
      mask_embed(config.width),
      text_embed(config.text_width, config.width, config.text_slots, config.text_rows),
      config_(config) {
  register_module("video_encoder", video_encoder);
  register_module("image_encoder", image_encoder);
  register_module("image_decoder", image_decoder);
  register_module("mask_embed", mask_embed);
  register_module("text_embed", text_embed);
  if (config.position == Position::absolute) {
    video_pos_embed = register_module("video_pos_embed", VideoPositionEmbed(config.width));
  }
  if (config.motion_embed) motion_embed = register_module("motion_embed", MotionEmbed(config.width));
}

at::Tensor NovaImpl::embed_prefix(const TextFeatures& text, int64_t batch, const Motion& motion) {
  at::Tensor tokens = text_embed->forward(text, batch);
  if (!config_.motion_tokens) return tokens;
  return at::cat({tokens, motion_embed->forward(motion).expand({batch, -1, -1})}, 1);
}

at::Tensor NovaImpl::grid_places(int64_t rows, int64_t columns, const at::TensorOptions& options) const {
  return tables_.get({kGrid, rows, columns}, options,
                     [&] { return grid_position_embed(rows, columns, config_.width); });
}

at::Tensor NovaImpl::with_places(const at::Tensor& tokens) const {
  if (config_.position == Position::rope) return tokens;
  return tokens + grid_places(config_.video_rows(), config_.video_columns(), tokens.options());
}

at::Tensor NovaImpl::embed_frames(const at::Tensor& patches) {
  return with_places(video_encoder->patch_embed->forward(patches));
}

at::Tensor NovaImpl::begin_of_video() const {
  return with_places(mask_embed->bos_token.expand({config_.video_tokens(), -1}));
}

at::Tensor NovaImpl::embed_time(int64_t first, int64_t count, int64_t frames) {
  const double clip = frames > 0 ? static_cast<double>(frames) : config_.time_frames;
  if (video_pos_embed) return video_pos_embed->forward(first, count, config_.time_base / clip);
  return at::zeros({count, config_.width}, mask_embed->mask_token.options().requires_grad(false));
}

RotaryTable NovaImpl::image_rotary(const at::TensorOptions& options) const {
  if (config_.position == Position::absolute) return {};
  return rotary_of(tables_, {kRotary}, options, [&] {
    const at::Tensor positions = grid_positions(0, config_.image_rows(), config_.image_columns());
    return rotary_angles_3d(positions, config_.width / config_.heads, config_.rope_theta);
  });
}

std::vector<KvCache> NovaImpl::make_caches(int64_t batch, int64_t length) const {
  const at::TensorOptions options = mask_embed->mask_token.options().requires_grad(false);
  std::vector<KvCache> caches;
  for (int64_t i = 0; i < config_.video_depth; ++i) {
    caches.emplace_back(at::IntArrayRef{batch, config_.heads, length, config_.width / config_.heads}, options);
  }
  return caches;
}

at::Tensor NovaImpl::complete_frames(const at::Tensor& patches, const FrameMask& mask, const at::Tensor& condition) {
  at::Tensor x = mask_embed->forward(image_encoder->patch_embed->forward(patches), mask.unknown);
  if (config_.position == Position::absolute) {
    x = x + grid_places(config_.image_rows(), config_.image_columns(), x.options());
  }
  return image_encoder->complete(x, mask.known_ids, condition, image_rotary(x.options()));
}

}  // namespace physgen
