#include <physgen/train/run_config.h>

#include <string>

#include <physgen/core/error.h>

namespace physgen {

void check(const RunConfig& config) {
  if (config.precision == Precision::int8) {
    throw ConfigError({.what = "nothing is trained in int8",
                       .where = "precision",
                       .got = "int8",
                       .expected = "auto, float32 or bfloat16",
                       .next_step = "train, then physgen calibrate, then act with --precision int8"});
  }
  if (config.batch % config.accumulation == 0) return;
  throw ConfigError({.what = "the batch does not divide into its micro-batches",
                     .where = "accumulation",
                     .got = std::to_string(config.accumulation),
                     .expected = "a divisor of batch = " + std::to_string(config.batch)});
}

}  // namespace physgen
