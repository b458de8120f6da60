#include <physgen/train/finetune_config.h>

#include <physgen/core/error.h>

namespace physgen {

void check(const FinetuneConfig& config) {
  check(static_cast<const RunConfig&>(config));
  if (!config.loss.observation && !config.loss.action) {
    throw ConfigError({.what = "there is nothing to learn",
                       .where = "loss.observation, loss.action",
                       .got = "both false",
                       .expected = "at least one true"});
  }
  if (config.canvas.cameras.empty()) {
    throw ConfigError({.what = "there is nothing to see",
                       .where = "canvas.cameras",
                       .got = "no camera",
                       .expected = "at least one",
                       .next_step = "pass --camera, or name one in the config"});
  }
}

}  // namespace physgen
