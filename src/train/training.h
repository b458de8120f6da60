#pragma once

#include <optional>

#include <physgen/train/run_config.h>

#include "distributed/ranks.h"
#include "train/checkpoint_copy.h"
#include "train/prefetch.h"
#include "train/train_step.h"
#include "train/trainable.h"
#include "train/training_state.h"

namespace physgen {

/// What somebody asks of a run that goes on.
struct RunWish {
  bool stop = false;  ///< to be gone on with later
  bool end = false;   ///< its time is over
};

/// A model while it is trained. Every step is a function of (config, step) and of the state before it.
class Training {
 public:
  /// @param trainable  on the device, with the weights that averages begin with; must outlive this
  /// @param ranks      that train it together; null: this process is alone
  Training(const RunConfig& config, std::optional<double> ema_decay, Trainable& trainable, const Compute& compute,
           Ranks* ranks = nullptr);

  /// One optimiser step. Throws Error for a loss or a gradient that is not finite, at once or after many in a row, as
  /// the config says.
  /// @param wish  of this rank, for after the step
  StepMetrics advance(const RunWish& wish = {});
  /// What any rank wished before the last step.
  const RunWish& agreed() const { return agreed_; }
  /// Whether this process writes: the only one, or the first of several.
  bool alone() const { return !ranks_; }
  bool writes() const { return !ranks_ || ranks_->rank() == 0; }
  /// Waits for the other processes, where there are any.
  void meet() const {
    if (ranks_) ranks_->meet();
  }
  /// The averaged weights on held-out episodes; nothing where there are none. `best` is set where they are the best
  /// yet.
  std::optional<EvaluationMetrics> evaluate();

  /// A checkpoint of the averaged weights, to be written; with `to_continue` also what `load` needs.
  /// @param best  they are the best so far
  CheckpointCopy copy(bool best, bool to_continue);
  /// Goes on from what a copy wrote beside the weights that this was made with.
  void load(const std::filesystem::path& checkpoint);

  int64_t step() const { return progress_.step; }
  /// As TrainStep's; before its stages there is "batch", the wait for what another thread prepares.
  void watch(std::function<void(const char*, double)> on_stage) { step_.on_stage = std::move(on_stage); }

 private:
  std::vector<StepPart> next_batch(StepMetrics& metrics);
  std::string sources_of(const StepOutcome& outcome) const;
  void refuse_or_skip(const StepMetrics& metrics, const StepOutcome& outcome) const;

  RunConfig config_;
  Trainable& trainable_;
  Ranks* ranks_;
  TrainStep step_;
  TrainingProgress progress_;
  RunWish agreed_;
  Prefetch<std::vector<StepPart>> batches_;
};

}  // namespace physgen
