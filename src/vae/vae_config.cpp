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

}  // namespace

int64_t VaeConfig::stride() const { return patch << (widths.size() - 1); }

void check(const VaeConfig& config) {
  check_widths(config);
  if (config.time_taps % 2 == 0) {
    throw ConfigError({.what = "the VAE's kernel in time has a wrong length",
                       .where = "time_taps",
                       .got = std::to_string(config.time_taps),
                       .expected = "1 or 3"});
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
