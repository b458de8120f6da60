#include <physgen/policy/policy_config.h>

#include <physgen/core/error.h>

namespace physgen {
namespace {

std::string size_text(int64_t channels, int64_t height, int64_t width) {
  return std::to_string(channels) + " channels of " + std::to_string(height) + " x " + std::to_string(width);
}

void check_canvas(const CanvasConfig& canvas, int64_t stride, const std::string& where) {
  if (canvas.height % stride == 0 && canvas.width % stride == 0) return;
  throw ConfigError({.what = "the canvas does not divide into latents",
                     .where = where + ".canvas",
                     .got = std::to_string(canvas.height) + " x " + std::to_string(canvas.width) + " pixels",
                     .expected = "multiples of " + std::to_string(stride) + ", the VAE's pixels a latent",
                     .next_step = "change canvas.height and canvas.width"});
}

void check_latents(const PolicyConfig& config, const std::string& where) {
  const NovaConfig& nova = config.model.backbone;
  const int64_t stride = config.vae.stride();
  const std::string have = size_text(nova.latent_channels, nova.latent_height, nova.latent_width);
  const std::string given =
      size_text(config.vae.latent_channels, config.canvas.height / stride, config.canvas.width / stride);
  if (have == given) return;
  throw ConfigError(
      {.what = "the backbone is made for other latents than the VAE gives",
       .where = where + ".model.backbone.latent_{channels,height,width}",
       .got = have,
       .expected = given + " (a canvas of " + std::to_string(config.canvas.height) + " x " +
                   std::to_string(config.canvas.width) + " pixels, " + std::to_string(stride) + " pixels a latent)",
       .next_step =
           "for this canvas: --set model.backbone.latent_height=" + std::to_string(config.canvas.height / stride) +
           " --set model.backbone.latent_width=" + std::to_string(config.canvas.width / stride) +
           " --set model.backbone.latent_channels=" + std::to_string(config.vae.latent_channels)});
}

void check_statistics(const Normalizer& statistics, int64_t width, const std::string& where) {
  const auto count = static_cast<size_t>(width);
  if (statistics.low.size() == count && statistics.high.size() == count) return;
  throw ConfigError({.what = "the statistics do not cover every dimension",
                     .where = where,
                     .got = std::to_string(statistics.low.size()) + " low and " +
                            std::to_string(statistics.high.size()) + " high values",
                     .expected = std::to_string(width) + " of each",
                     .next_step = "use the config.json that was written with the weights"});
}

}  // namespace

void check_sizes(const PolicyConfig& config, const std::string& where) {
  check_sizes(config.model, where + ".model");
  check(config.vae);
  check(config.canvas, where + ".canvas");
  check_canvas(config.canvas, config.vae.stride(), where);
  check_latents(config, where);
  check_statistics(config.actions, config.model.codec.action_width, where + ".actions");
  if (config.model.codec.state_token) {
    check_statistics(config.states, config.model.codec.state_width, where + ".states");
  }
}

}  // namespace physgen
