#include "train/training.h"

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>

#include "core/stopwatch.h"
#include "train/rank_share.h"

namespace physgen {
namespace {

constexpr int64_t kMostSkippedInARow = 10;

// The averages in the parameters' place, where there are any.
class AveragedWeights {
 public:
  explicit AveragedWeights(std::optional<Ema>& averages) {
    if (averages) scope_.emplace(*averages);
  }

 private:
  std::optional<EmaScope> scope_;
};

std::vector<NamedNumber> named(const std::vector<std::string>& names, const std::vector<double>& values) {
  std::vector<NamedNumber> numbers;
  for (size_t i = 0; i < names.size(); ++i) numbers.push_back({names[i], values[i]});
  return numbers;
}

// "", or ", the losses of rank 1, 3".
std::string text_of(const std::vector<int>& ranks) {
  std::vector<std::string> names;
  for (const int rank : ranks) names.push_back(std::to_string(rank));
  return names.empty() ? "" : ", the losses of rank " + comma_separated(names);
}

}  // namespace

Training::Training(const RunConfig& config, std::optional<double> ema_decay, Trainable& trainable,
                   const Compute& compute, Ranks* ranks)
    : config_(config),
      trainable_(trainable),
      ranks_(ranks),
      step_(trainable.parameters(), config.optimizer, ema_decay, compute, ranks),
      batches_([&trainable, share = share_of(ranks)](int64_t step) { return trainable.prepare(step, share); }) {}

std::vector<StepPart> Training::next_batch(StepMetrics& metrics) {
  const Stopwatch stopwatch;
  std::vector<StepPart> parts = batches_.take(progress_.step);
  metrics.waiting_seconds = stopwatch.seconds();
  if (step_.on_stage) step_.on_stage("batch", stopwatch.milliseconds());
  return parts;
}

StepMetrics Training::advance(const RunWish& wish) {
  const Stopwatch stopwatch;
  StepMetrics metrics{.step = progress_.step + 1, .steps = config_.steps};
  metrics.learning_rate = learning_rate_at(config_.optimizer.learning_rate, progress_.step, config_.steps);
  const StepOutcome outcome = step_.run(next_batch(metrics), metrics.learning_rate, progress_.step + 1,
                                        {wish.stop ? 1.0 : 0.0, wish.end ? 1.0 : 0.0});
  agreed_ = {outcome.notes[0] > 0, outcome.notes[1] > 0};
  metrics.loss = outcome.loss;
  metrics.losses = named(trainable_.loss_names(), outcome.losses);
  metrics.gradient_norm = outcome.gradient_norm;
  metrics.skipped = !outcome.finite;
  progress_.skipped_in_a_row = outcome.finite ? 0 : progress_.skipped_in_a_row + 1;
  if (!outcome.finite) refuse_or_skip(metrics, outcome);
  ++progress_.step;
  metrics.seconds = stopwatch.seconds();
  metrics.samples_per_second = static_cast<double>(config_.batch) / metrics.seconds;
  return metrics;
}

// Of the ranks whose own losses are not finite, or of all.
std::string Training::sources_of(const StepOutcome& outcome) const {
  if (outcome.not_finite_on.empty()) return trainable_.sources(progress_.step, {});
  std::string text;
  for (const int rank : outcome.not_finite_on) {
    if (!text.empty()) text += "; ";
    text += "rank " + std::to_string(rank) + ": " + trainable_.sources(progress_.step, {rank, ranks_->size()});
  }
  return text;
}

void Training::refuse_or_skip(const StepMetrics& metrics, const StepOutcome& outcome) const {
  if (config_.non_finite == NonFinite::skip && progress_.skipped_in_a_row < kMostSkippedInARow) return;
  throw Error({.what = "the loss or its gradient is not finite",
               .where = "step " + std::to_string(metrics.step) + ", " + sources_of(outcome),
               .got = "loss " + std::to_string(metrics.loss) + ", gradient norm " +
                      std::to_string(metrics.gradient_norm) + ", " + std::to_string(progress_.skipped_in_a_row) +
                      " such steps in a row" + text_of(outcome.not_finite_on),
               .next_step = "look at these demonstrations, lower optimizer.learning_rate.peak, or set precision to "
                            "float32; --resume goes on from the last checkpoint"});
}

std::optional<EvaluationMetrics> Training::evaluate() {
  const AveragedWeights averaged(step_.averages());
  std::optional<EvaluationMetrics> metrics = trainable_.evaluate(ranks_);
  if (!metrics) return {};
  metrics->step = progress_.step;
  metrics->best = metrics->score < progress_.best_score;
  if (metrics->best) progress_.best_score = metrics->score;
  return metrics;
}

CheckpointCopy Training::copy(bool best, bool to_continue) {
  CheckpointCopy copy{.kind = trainable_.kind()};
  if (to_continue) copy.state = training_state(step_.optimizer(), progress_);
  const AveragedWeights averaged(step_.averages());
  copy.weights = trainable_.copy(progress_.step, best);
  return copy;
}

void Training::load(const std::filesystem::path& checkpoint) {
  progress_ = load_training_state(checkpoint / kTrainingStateName, step_.optimizer());
}

}  // namespace physgen
