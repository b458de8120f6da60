#pragma once

#include <atomic>

#include <physgen/train/training_callbacks.h>

#include "train/run_folder.h"
#include "train/training.h"

namespace physgen {

/// The steps of a run from where `training` stands, and what is kept of them: metrics.jsonl, best/, step-N/.
/// @param stop  once true, the step is finished, the run saved and the result says `stopped`
TrainingResult run_training(const RunConfig& config, Training& training, const RunFolder& folder,
                            const TrainingCallbacks& callbacks, const std::atomic<bool>& stop);

}  // namespace physgen
