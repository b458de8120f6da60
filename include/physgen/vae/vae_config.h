#pragma once

#include <cstdint>
#include <vector>

namespace physgen {

/// The shape of a causal video VAE and how its latents are normalised. The defaults are NOVA's VAE.
struct VaeConfig {
  std::vector<int64_t> widths = {128, 256, 512,
                                 512};   ///< channels of each level; every level but the last halves the frame
  int64_t layers_per_block = 2;          ///< residual blocks of an encoder level
  int64_t decoder_layers_per_block = 3;  ///< residual blocks of a decoder level
  int64_t norm_groups = 32;              ///< groups of the normalisation; divides each of `widths`
  int64_t latent_channels = 4;           ///< numbers of a latent
  int64_t time_taps = 3;  ///< kernel length in time of the 3-D convolutions; 1: every frame stands alone; 0: there are
                          ///< none, and frames grow by repeating pixels, as in the VAE of the image models
  int64_t tile_latents = 0;  ///< latents of a video that are encoded and decoded at once, the last of a tile being the
                             ///< first of the next; 0: all. The reference has 5
  int64_t patch = 1;         ///< pixels a side that are gathered into the channels before the first convolution
  double scaling_factor = 0.18215;       ///< normalised latent = latent x this, unless the two lists below are given
  std::vector<double> latent_mean = {};  ///< of each channel, measured in training; empty: `scaling_factor` counts
  std::vector<double> latent_deviation = {};  ///< of each channel, > 0, likewise

  /// Pixels of a frame to one latent, a side.
  int64_t stride() const;

  /// Frames to one latent after the first.
  int64_t time_stride() const;

  /// Frames that `latents` of them stand for, and back. Throws ConfigError for a number of frames that is not
  /// 1 + k time_stride, and where there are tiles and more than one of them is needed, for an incomplete last one.
  int64_t frames_of(int64_t latents) const;
  int64_t latents_of(int64_t frames) const;

  /// The fewest latents that decode to at least so many frames.
  int64_t latents_covering(int64_t frames) const;
};

template <class Field>
void describe(VaeConfig& config, Field& field) {
  field("widths", config.widths, {.least = 1, .most = 8192});
  field("layers_per_block", config.layers_per_block, {.least = 1, .most = 16});
  field("decoder_layers_per_block", config.decoder_layers_per_block, {.least = 1, .most = 16});
  field("norm_groups", config.norm_groups, {.least = 1, .most = 1024});
  field("latent_channels", config.latent_channels, {.least = 1, .most = 256});
  field("time_taps", config.time_taps, {.least = 0, .most = 3});
  field("tile_latents", config.tile_latents, {.least = 0, .most = 1024});
  field("patch", config.patch, {.least = 1, .most = 16});
  field("scaling_factor", config.scaling_factor, {.least = 1e-6, .most = 1e6});
  field("latent_mean", config.latent_mean);
  field("latent_deviation", config.latent_deviation);
}

/// Throws ConfigError when the fields do not fit each other: a width that the groups do not divide, fewer than two or
/// more than six levels, two taps, tiles of one latent, a latent statistic that is not one positive number a channel.
void check(const VaeConfig& config);

}  // namespace physgen
