#include <physgen/train/run_config.h>

#include <string>

#include <physgen/core/error.h>

namespace physgen {

void check(const RunConfig& config) {
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
}

}  // namespace physgen
