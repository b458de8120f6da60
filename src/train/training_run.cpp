#include "train/training_run.h"

#include <optional>

#include <physgen/core/stopwatch.h>
#include <physgen/train/metrics_log.h>

namespace physgen {
namespace {

// The steps of a run, and what is kept of them.
class Run {
 public:
  Run(const RunConfig& config, Training& training, const RunFolder& folder, const TrainingCallbacks& callbacks,
      const std::atomic<bool>& stop)
      : config_(config),
        callbacks_(callbacks),
        folder_(folder),
        training_(training),
        stop_(stop),
        saved_(training.step()),
        evaluated_(training.step()) {
    if (training.writes()) log_.emplace(folder.metrics(), training.step());
  }

  TrainingResult go() {
    while (training_.step() < config_.steps && !wish().end) {
      step();
      // The last step's checkpoint says that its evaluation is done: this order, at every step.
      const int64_t done = training_.step();
      const bool last = done == config_.steps;
      if (last || done % config_.evaluate_every == 0) evaluate();
      if (last || done % config_.save_every == 0) save();
      if (wish().stop && !last) return stopped();
    }
    if (evaluated_ != training_.step()) evaluate();
    if (saved_ != training_.step()) save();
    return result(false);
  }

 private:
  RunWish own_wish() const { return {.stop = stop_, .end = is_late()}; }
  /// Several processes do what any of them wished before the last step, so that all do it at once.
  RunWish wish() const { return training_.alone() ? own_wish() : training_.agreed(); }

  bool is_late() const { return config_.max_minutes && stopwatch_.seconds() >= 60 * *config_.max_minutes; }

  void step() {
    const StepMetrics metrics = training_.advance(own_wish());
    if (log_) log_->write(metrics);
    if (callbacks_.step) callbacks_.step(metrics);
  }

  void evaluate() {
    evaluated_ = training_.step();
    const auto metrics = training_.evaluate();
    if (metrics && log_) log_->write(*metrics);
    if (metrics && callbacks_.evaluation) callbacks_.evaluation(*metrics);
    const bool keep = !metrics || metrics->best;  // without anything to compare by: the newest
    if (keep && training_.writes()) training_.save(folder_.best(), false);
  }

  void save() {
    saved_ = training_.step();
    if (!training_.writes()) return;
    training_.save(folder_.checkpoint(saved_), true);
    folder_.keep_last(config_.keep_last);
  }

  TrainingResult stopped() {
    if (saved_ != training_.step()) save();
    return result(true);
  }

  TrainingResult result(bool was_stopped) const {
    return {.step = training_.step(),
            .stopped = was_stopped,
            .speaks = training_.writes(),
            .best = folder_.best().string(),
            .last = folder_.checkpoint(saved_).string()};
  }

  const RunConfig& config_;
  const TrainingCallbacks& callbacks_;
  const RunFolder& folder_;
  Training& training_;
  const std::atomic<bool>& stop_;
  std::optional<MetricsLog> log_;  // of the process that writes
  const Stopwatch stopwatch_;
  int64_t saved_, evaluated_;  // the last steps at which
};

}  // namespace

TrainingResult run_training(const RunConfig& config, Training& training, const RunFolder& folder,
                            const TrainingCallbacks& callbacks, const std::atomic<bool>& stop) {
  return Run(config, training, folder, callbacks, stop).go();
}

}  // namespace physgen
