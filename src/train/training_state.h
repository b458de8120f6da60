#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

#include <physgen/layers/state_dict.h>

#include "train/optimizer.h"

namespace physgen {

/// Where a run stands. Data order, noise and learning rate are functions of the step, so it needs no more.
struct TrainingProgress {
  int64_t step = 0;                                             ///< done
  double best_score = std::numeric_limits<double>::infinity();  ///< of the evaluations so far, less is better
  int64_t skipped_in_a_row = 0;                                 ///< steps that changed nothing
};

/// What a run needs to go on besides its policy.
struct TrainingState {
  NamedTensors tensors;  ///< the parameters as they are (not their averages) and the optimizer's, on the host
  TrainingProgress progress;
};

/// Copied, so that later steps do not change it.
TrainingState training_state(const AdamW& optimizer, const TrainingProgress& progress);

/// Throws Error where the file cannot be written.
void save_training_state(const std::filesystem::path& file, const TrainingState& state);

/// Copies a state into the optimizer and its parameters. Throws FormatError where it does not fit.
TrainingProgress load_training_state(const std::filesystem::path& file, AdamW& optimizer);

}  // namespace physgen
