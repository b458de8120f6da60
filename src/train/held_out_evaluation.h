#pragma once

#include <physgen/policy/losses.h>
#include <physgen/policy/policy_config.h>
#include <physgen/train/metrics.h>

#include "distributed/ranks.h"
#include "train/train_step.h"
#include "train/window_source.h"

namespace physgen {

/// How to evaluate: always the same windows and the same noise, however they are cut.
struct HeldOutChoice {
  int64_t windows = 64;      ///< at most
  int64_t batch = 32;        ///< that share one share of masked patches
  int64_t micro_batch = 32;  ///< computed at once, by all ranks together
  LossConfig loss;
  uint64_t seed = 0;
  Compute compute;
  Ranks* ranks = nullptr;  ///< that compute a share of each micro-batch; null: this process is alone
};

/// The losses of a model on held-out windows and, where the action loss is on, the errors of the actions that it
/// samples to execute at every pack; these are the score. The source must have windows.
EvaluationMetrics evaluate_held_out(PhysGenModel& model, const WindowSource& windows, const PolicyConfig& policy,
                                    const HeldOutChoice& choice);

}  // namespace physgen
