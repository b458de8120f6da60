#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "bench/benchmark.h"
#include "bench/training_steps.h"

namespace physgen {

/// Makes steps of a config that ranks share; null: of this process alone.
using StepsMaker = std::function<std::unique_ptr<TrainingSteps>(const FinetuneConfig&, Ranks*)>;

/// Steps that all ranks share, and, in turn, those of the first rank alone with its share of the windows, while the
/// others wait. Only the first rank gets numbers.
/// @param count  of steps of both kinds, after one that warms up
std::optional<RanksSpeed> compare_shared_steps(const FinetuneConfig& config, Ranks& ranks, const StepsMaker& make,
                                               int64_t count);

}  // namespace physgen
