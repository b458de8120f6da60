#include <physgen/vae/vae_config.h>

#include <physgen/core/error.h>
#include <algorithm>
#include <string>

namespace physgen {
namespace {

void check_widths(const VaeConfig& config) {
  const auto levels = config.widths.size();
  if (levels < 2 || levels > 6) {
    throw ConfigError({.what = "the VAE has a wrong number of levels",
                       .where = "widths",
                       .got = std::to_string(levels) + " widths",
                       .expected = "2 to 6, one a level"});
  }
  for (size_t level = 0; level < levels; ++level) {
    if (config.widths[level] % config.norm_groups != 0) {
      throw ConfigError({.what = "a width of the VAE cannot be cut into its normalisation groups",
                         .where = "widths[" + std::to_string(level) + "]",
                         .got = std::to_string(config.widths[level]),
                         .expected = "a multiple of norm_groups (" + std::to_string(config.norm_groups) + ")",
                         .next_step = "change the width, or norm_groups to a number that divides every width"});
    }
  }
}

void check_statistic(const VaeConfig& config, const std::vector<double>& values, const std::string& key) {
  if (static_cast<int64_t>(values.size()) == config.latent_channels) return;
  throw ConfigError({.what = "the latent statistics do not fit the latent channels",
                     .where = key,
                     .got = std::to_string(values.size()) + " numbers",
                     .expected = std::to_string(config.latent_channels) + ", one a latent channel, or none",
                     .next_step = "leave latent_mean and latent_deviation to training, which measures them"});
}

[[noreturn]] void refuse_length(const VaeConfig& config, int64_t got, const std::string& what) {
  const int64_t step = what == "frames" ? config.time_stride() : 1, tile = config.tile_latents - 1;
  std::string expected = "1 + " + std::to_string(step) + " k";
  if (tile > 0) {
    expected += " up to " + std::to_string(1 + step * tile) + ", then 1 + " + std::to_string(step * tile) + " k";
  }
  throw ConfigError({.what = "the VAE does not take a video of this length",
                     .where = what,
                     .got = std::to_string(got),
                     .expected = expected,
                     .next_step = "change the number of frames"});
}

// The reference drops what follows the last whole tile without a word.
void check_length(const VaeConfig& config, int64_t latents, int64_t got, const std::string& what) {
  const int64_t tile = config.tile_latents;
  const bool whole = tile == 0 || latents <= tile || (latents - 1) % (tile - 1) == 0;
  if (latents < 1 || !whole) refuse_length(config, got, what);
}

}  // namespace

int64_t VaeConfig::stride() const { return patch << (widths.size() - 1); }

// The first downsampler sees frames one by one, as do those of a VAE without 3-D convolutions.
int64_t VaeConfig::time_stride() const { return time_taps == 0 ? 1 : int64_t{1} << (widths.size() - 2); }

int64_t VaeConfig::frames_of(int64_t latents) const {
  check_length(*this, latents, latents, "latents");
  return 1 + (latents - 1) * time_stride();
}

int64_t VaeConfig::latents_of(int64_t frames) const {
  const int64_t latents = 1 + (frames - 1) / time_stride();
  if (frames < 1 || (frames - 1) % time_stride() != 0) refuse_length(*this, frames, "frames");
  check_length(*this, latents, frames, "frames");
  return latents;
}

int64_t VaeConfig::latents_covering(int64_t frames) const {
  const auto rounded_up = [](int64_t value, int64_t step) { return (value + step - 1) / step * step; };
  const int64_t latents = 1 + rounded_up(frames - 1, time_stride()) / time_stride();
  return tile_latents == 0 || latents <= tile_latents ? latents : 1 + rounded_up(latents - 1, tile_latents - 1);
}

void check(const VaeConfig& config) {
  check_widths(config);
  if (config.time_taps == 2) {
    throw ConfigError({.what = "the VAE's kernel in time has a wrong length",
                       .where = "time_taps",
                       .got = "2",
                       .expected = "0, 1 or 3"});
  }
  if (config.tile_latents == 1) {
    throw ConfigError({.what = "tiles of the VAE overlap by one latent, so they hold more",
                       .where = "tile_latents",
                       .got = "1",
                       .expected = "0 (no tiles) or at least 2"});
  }
  if (config.latent_mean.empty() && config.latent_deviation.empty()) return;
  check_statistic(config, config.latent_mean, "latent_mean");
  check_statistic(config, config.latent_deviation, "latent_deviation");
  if (std::ranges::any_of(config.latent_deviation, [](double value) { return !(value > 0); })) {
    throw ConfigError({.what = "a latent deviation is not positive",
                       .where = "latent_deviation",
                       .got = std::to_string(std::ranges::min(config.latent_deviation)),
                       .expected = "numbers greater than 0"});
  }
}

}  // namespace physgen
