#include "train/training_run.h"

#include <chrono>
#include <future>
#include <optional>

#include "core/stopwatch.h"
#include "train/metrics_log.h"

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
      const int64_t done = training_.step();
      const bool last = done == config_.steps, stops = wish().stop && !last;
      // The last step's checkpoint says that its evaluation is done: this order, at every step.
      const bool best = (last || done % config_.evaluate_every == 0) && evaluate();
      save(best, last || stops || done % config_.save_every == 0);
      if (stops) return result(true);
    }
    const bool best = evaluated_ != training_.step() && evaluate();
    save(best, saved_ != training_.step());
    return result(false);
  }

 private:
  RunWish own_wish() const { return {.stop = stop_, .end = is_late()}; }
  /// Several processes do what any of them wished before the last step, so that all do it at once.
  RunWish wish() const { return training_.alone() ? own_wish() : training_.agreed(); }

  bool is_late() const { return config_.max_minutes && stopwatch_.seconds() >= 60 * *config_.max_minutes; }

  void step() {
    if (saving_.valid() && saving_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) wait_for_save();
    const StepMetrics metrics = training_.advance(own_wish());
    if (log_) log_->write(metrics);
    if (callbacks_.step) callbacks_.step(metrics);
  }

  /// Whether the weights are to be kept as the best.
  bool evaluate() {
    evaluated_ = training_.step();
    const auto metrics = training_.evaluate();
    if (metrics && log_) log_->write(*metrics);
    if (metrics && callbacks_.evaluation) callbacks_.evaluation(*metrics);
    return !metrics || metrics->best;  // without anything to compare by: the newest
  }

  /// Copies, and writes the copy while the next steps are done. Waits for the save before this one.
  void save(bool best, bool to_continue) {
    if (to_continue) saved_ = training_.step();
    if (!training_.writes() || (!best && !to_continue)) return;
    const Stopwatch stopwatch;
    wait_for_save();
    saving_ = std::async(std::launch::async, [this, best, to_continue, copy = training_.copy(best, to_continue),
                                              path = folder_.checkpoint(saved_)] {
      if (best) copy.write(folder_.best(), false);
      if (!to_continue) return;
      copy.write(path, true);
      folder_.keep_last(config_.keep_last);
    });
    log_->write(SaveMetrics{.step = training_.step(), .stalled_seconds = stopwatch.seconds()});
  }

  /// Throws what the writing threw.
  void wait_for_save() {
    if (saving_.valid()) saving_.get();
  }

  TrainingResult result(bool was_stopped) {
    wait_for_save();
    training_.meet();  // torchrun ends all processes soon after the first one
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
  std::future<void> saving_;   // its destructor waits
};

}  // namespace

TrainingResult run_training(const RunConfig& config, Training& training, const RunFolder& folder,
                            const TrainingCallbacks& callbacks, const std::atomic<bool>& stop) {
  return Run(config, training, folder, callbacks, stop).go();
}

}  // namespace physgen
