#pragma once

#include <optional>

#include <physgen/train/run_config.h>
#include <physgen/train/train_step.h>
#include <physgen/train/training_state.h>

#include "train/prefetch.h"
#include "train/trainable.h"

namespace physgen {

/// A model while it is trained. Every step is a function of (config, step) and of the state before it.
class Training {
 public:
  /// @param trainable  on the device, with the weights that averages begin with; must outlive this
  Training(const RunConfig& config, std::optional<double> ema_decay, Trainable& trainable, const Compute& compute);

  /// One optimiser step. Throws Error for a loss or a gradient that is not finite, at once or after many in a row, as
  /// the config says.
  StepMetrics advance();
  /// The averaged weights on held-out episodes; nothing where there are none. `best` is set where they are the best
  /// yet.
  std::optional<EvaluationMetrics> evaluate();

  /// A checkpoint of the averaged weights; with `to_continue` also what `load` needs.
  void save(const std::filesystem::path& path, bool to_continue);
  /// Goes on from what `save` wrote beside the weights that this was made with.
  void load(const std::filesystem::path& checkpoint);

  int64_t step() const { return progress_.step; }
  /// As TrainStep's; before its stages there is "batch", the wait for what another thread prepares.
  void watch(std::function<void(const char*, double)> on_stage) { step_.on_stage = std::move(on_stage); }

 private:
  std::vector<StepPart> next_batch(StepMetrics& metrics);
  void refuse_or_skip(StepMetrics& metrics);

  RunConfig config_;
  Trainable& trainable_;
  TrainStep step_;
  TrainingProgress progress_;
  Prefetch<std::vector<StepPart>> batches_;
};

}  // namespace physgen
