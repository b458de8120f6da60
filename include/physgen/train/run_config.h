#pragma once

#include <cstdint>
#include <optional>

#include <physgen/core/config.h>
#include <physgen/device/precision.h>
#include <physgen/train/optimizer_config.h>

namespace physgen {

/// What happens when a loss or a gradient is not finite: the step changes nothing, or the run stops.
enum class NonFinite { skip, stop };
constexpr auto choices_of(NonFinite) {
  return std::to_array<Choice<NonFinite>>({{NonFinite::skip, "skip"}, {NonFinite::stop, "stop"}});
}

/// What every training run has, whatever it trains.
struct RunConfig {
  int64_t seed = 0;          ///< of all that is drawn at random
  int64_t steps = 30000;     ///< of the optimizer in the whole run; `--steps` says the same
  int64_t batch = 32;        ///< samples a step, windows or frames, those of all processes together
  int64_t accumulation = 1;  ///< micro-batches that a step's samples are computed in, to save memory; divides `batch`
  OptimizerConfig optimizer;
  Precision precision = Precision::automatic;
  double held_out = 0.05;                  ///< share of the episodes that are for evaluation only
  int64_t evaluate_every = 500;            ///< steps from one evaluation on held-out episodes to the next
  int64_t save_every = 1000;               ///< steps from one save to the next
  int64_t keep_last = 2;                   ///< how many of the newest `step-N/` are kept, to go on from
  std::optional<double> max_minutes = {};  ///< minutes of training, then it is saved and ends; none: no limit
  NonFinite non_finite = NonFinite::skip;
  std::optional<int64_t> threads = {};  ///< of the CPU; none: all
  double rank_timeout_minutes = 10;     ///< minutes that the processes of a run wait for each other within a step
};

template <class Field>
void describe(RunConfig& config, Field& field) {
  field("seed", config.seed, {.least = 0});
  field("steps", config.steps, {.least = 1});
  field("batch", config.batch, {.least = 1, .most = 1 << 20});
  field("accumulation", config.accumulation, {.least = 1, .most = 1 << 20});
  field("optimizer", config.optimizer);
  field("precision", config.precision);
  field("held_out", config.held_out, {.least = 0, .most = 0.9});
  field("evaluate_every", config.evaluate_every, {.least = 1});
  field("save_every", config.save_every, {.least = 1});
  field("keep_last", config.keep_last, {.least = 1});
  field("max_minutes", config.max_minutes, {.least = 1e-9, .none = 0});
  field("non_finite", config.non_finite);
  field("threads", config.threads, {.least = 1, .most = 4096, .none = 0});
  field("rank_timeout_minutes", config.rank_timeout_minutes, {.least = 0.01, .most = 10000});
}

/// Throws ConfigError when fields do not go together.
void check(const RunConfig& config);

}  // namespace physgen
