#include "train/training_run.h"

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
        log_(folder.metrics(), training.step()),
        saved_(training.step()),
        evaluated_(training.step()) {}

  TrainingResult go() {
    const Stopwatch stopwatch;
    while (training_.step() < config_.steps && !is_late(stopwatch)) {
      step();
      // The last step's checkpoint says that its evaluation is done: this order, at every step.
      const int64_t done = training_.step();
      const bool last = done == config_.steps;
      if (last || done % config_.evaluate_every == 0) evaluate();
      if (last || done % config_.save_every == 0) save();
      if (stop_ && !last) return stopped();
    }
    if (evaluated_ != training_.step()) evaluate();
    if (saved_ != training_.step()) save();
    return result(false);
  }

 private:
  bool is_late(const Stopwatch& stopwatch) const {
    return config_.max_minutes && stopwatch.seconds() >= 60 * *config_.max_minutes;
  }

  void step() {
    const StepMetrics metrics = training_.advance();
    log_.write(metrics);
    if (callbacks_.step) callbacks_.step(metrics);
  }

  void evaluate() {
    evaluated_ = training_.step();
    const auto metrics = training_.evaluate();
    if (!metrics) return training_.save(folder_.best(), false);  // nothing to compare by: the newest
    log_.write(*metrics);
    if (callbacks_.evaluation) callbacks_.evaluation(*metrics);
    if (metrics->best) training_.save(folder_.best(), false);
  }

  void save() {
    saved_ = training_.step();
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
            .best = folder_.best().string(),
            .last = folder_.checkpoint(saved_).string()};
  }

  const RunConfig& config_;
  const TrainingCallbacks& callbacks_;
  const RunFolder& folder_;
  Training& training_;
  const std::atomic<bool>& stop_;
  MetricsLog log_;
  int64_t saved_, evaluated_;  // the last steps at which
};

}  // namespace

TrainingResult run_training(const RunConfig& config, Training& training, const RunFolder& folder,
                            const TrainingCallbacks& callbacks, const std::atomic<bool>& stop) {
  return Run(config, training, folder, callbacks, stop).go();
}

}  // namespace physgen
