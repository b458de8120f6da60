#include <physgen/train/finetune_config.h>

#include <physgen/core/error.h>

namespace physgen {

void check(const FinetuneConfig& config) {
  if (config.batch % config.accumulation != 0) {
    throw ConfigError({.what = "the batch does not divide into its micro-batches",
                       .where = "accumulation",
                       .got = std::to_string(config.accumulation),
                       .expected = "a divisor of batch = " + std::to_string(config.batch)});
  }
  if (config.optimizer.betas.size() != 2) {
    throw ConfigError({.what = "Adam has two betas",
                       .where = "optimizer.betas",
                       .got = std::to_string(config.optimizer.betas.size()) + " numbers",
                       .expected = "2"});
  }
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
