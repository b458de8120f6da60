#pragma once

#include <cstdint>

#include <physgen/core/config.h>
#include <physgen/diffusion/objective.h>

namespace physgen {

/// How tokens know where they are: NOVA's sin-cos tables and time MLP, or rotary angles.
enum class Position { absolute, rope };
constexpr auto choices_of(Position) {
  return std::to_array<Choice<Position>>({{Position::absolute, "absolute"}, {Position::rope, "rope"}});
}

/// The sizes of the video backbone; the defaults are those of nova-d48w1024-osp480.
struct NovaConfig {
  int64_t width = 1024;          ///< of both encoders
  int64_t heads = 16;            ///< of attention in both encoders; divides `width`
  int64_t video_depth = 16;      ///< blocks of the causal transformer
  int64_t image_depth = 32;      ///< blocks of the masked frame decoder
  int64_t decoder_width = 1280;  ///< width of the diffusion MLP
  int64_t decoder_depth = 3;     ///< blocks of the diffusion MLP
  int64_t latent_channels = 4;   ///< numbers of a latent, as of the VAE
  int64_t latent_height = 60;    ///< rows of latents: the canvas's height / the VAE's stride
  int64_t latent_width = 96;     ///< columns of latents, likewise
  int64_t image_patch = 2;  ///< latents to a patch's side in the frame decoder; in the causal transformer twice as many
  int64_t text_width = 2560;  ///< numbers of a text token's features
  int64_t text_slots = 256;   ///< text tokens of a sequence
  int64_t text_rows = 512;    ///< rows of the null table in the checkpoint, at least `text_slots`
  int64_t mixer_rank = 0;     ///< bottleneck of the mixer; 0: no mixer, -1: a mixer without a bottleneck
  Position position = Position::absolute;
  double rope_theta = 10000;   ///< base of the rotary angles
  double time_base = 16;       ///< frames that time embeddings are stretched to
  double time_frames = 9;      ///< frames that they are stretched from: a constant, or cached keys would change
  bool motion_embed = true;    ///< the checkpoint holds the motion embedding
  bool motion_tokens = false;  ///< append the motion embedding's 2 tokens to the text
  Objective objective = Objective::epsilon;  ///< of the diffusion MLP: epsilon or flow_matching
  double flow_shift = 1;                     ///< shift of the sigmas of flow matching
  int64_t steps_offset = 1;                  ///< the last timestep that epsilon sampling visits

  int64_t video_patch() const { return 2 * image_patch; }
  int64_t video_rows() const { return latent_height / video_patch(); }
  int64_t video_columns() const { return latent_width / video_patch(); }
  int64_t video_tokens() const { return video_rows() * video_columns(); }  ///< M
  int64_t image_rows() const { return latent_height / image_patch; }
  int64_t image_columns() const { return latent_width / image_patch; }
  int64_t image_tokens() const { return image_rows() * image_columns(); }  ///< N
  int64_t image_patch_values() const { return image_patch * image_patch * latent_channels; }
};

template <class Field>
void describe(NovaConfig& config, Field& field) {
  field("width", config.width, {.least = 4, .most = 1 << 16});
  field("heads", config.heads, {.least = 1, .most = 1024});
  field("video_depth", config.video_depth, {.least = 1, .most = 1024});
  field("image_depth", config.image_depth, {.least = 2, .most = 1024});
  field("decoder_width", config.decoder_width, {.least = 1, .most = 1 << 16});
  field("decoder_depth", config.decoder_depth, {.least = 1, .most = 1024});
  field("latent_channels", config.latent_channels, {.least = 1, .most = 1 << 16});
  field("latent_height", config.latent_height, {.least = 1, .most = 1 << 16});
  field("latent_width", config.latent_width, {.least = 1, .most = 1 << 16});
  field("image_patch", config.image_patch, {.least = 1, .most = 1024});
  field("text_width", config.text_width, {.least = 1, .most = 1 << 16});
  field("text_slots", config.text_slots, {.least = 1, .most = 1 << 16});
  field("text_rows", config.text_rows, {.least = 1, .most = 1 << 16});
  field("mixer_rank", config.mixer_rank, {.least = -1, .most = 1 << 16});
  field("position", config.position);
  field("rope_theta", config.rope_theta, {.least = 1});
  field("time_base", config.time_base, {.least = 1});
  field("time_frames", config.time_frames, {.least = 1});
  field("motion_embed", config.motion_embed);
  field("motion_tokens", config.motion_tokens);
  field("objective", config.objective);
  field("flow_shift", config.flow_shift, {.least = 1e-3, .most = 1000});
  field("steps_offset", config.steps_offset, {.least = 0, .most = 1});
}

/// Throws ConfigError when sizes do not go together. @param where  the config's name, for errors
void check_sizes(const NovaConfig& config, const std::string& where);

}  // namespace physgen
