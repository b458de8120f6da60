#include "bench/shared_steps.h"

#include <algorithm>

namespace physgen {
namespace {

constexpr int64_t kBlock = 5;  // steps of one kind in a row

// When the sums of one backward pass ran. The last of them begins when the last gradient is there.
void add_sums(StageTimes& times, const std::vector<SumTime>& sums) {
  if (sums.empty()) return;
  const double last_gradient = sums.back().began;
  double running = 0, hidden = 0, until = 0;
  for (const SumTime& sum : sums) {
    const double from = std::max(sum.began, until);  // sums may run beside each other
    running += std::max(0.0, sum.ended - from);
    hidden += std::max(0.0, std::min(sum.ended, last_gradient) - from);
    until = std::max(until, sum.ended);
  }
  times.add("first sum", sums.front().began);
  times.add("last gradient", last_gradient);
  times.add("sums", running);
  times.add("hidden", hidden);
}

// Both kinds of steps, and what they took.
class Comparison {
 public:
  Comparison(const FinetuneConfig& config, Ranks& ranks, const StepsMaker& make) : ranks_(ranks) {
    ranks_.on_sums = [this](const std::vector<SumTime>& sums) {
      buckets_ = std::ssize(sums);
      add_sums(sums_, sums);
    };
    together_ = make(config, &ranks_);
    FinetuneConfig share = config;
    share.batch /= ranks_.size();
    if (ranks_.rank() == 0) alone_ = make(share, nullptr);
  }
  ~Comparison() { ranks_.on_sums = nullptr; }
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;

  void run(int64_t count) {
    for (int64_t i = 0; alone_ && i < count; ++i) alone_->run(alone_times_);
    ranks_.meet();
    ranks_.sum({0});  // those who waited are awake
    for (int64_t i = 0; i < count; ++i) together_->run(together_times_);
  }

  void forget() { alone_times_ = together_times_ = sums_ = {}; }

  RanksSpeed speed(int64_t windows) const {
    const double running = sums_.median("sums");
    return {.ranks = ranks_.size(),
            .windows = windows,
            .alone = alone_times_.spreads(),
            .together = together_times_.spreads(),
            .efficiency = alone_times_.median("step") / together_times_.median("step"),
            .sums = sums_.spreads(),
            .buckets = buckets_,
            .hidden = running > 0 ? sums_.median("hidden") / running : 0};
  }

 private:
  Ranks& ranks_;
  std::unique_ptr<TrainingSteps> together_, alone_;  // the latter of the first rank
  StageTimes alone_times_, together_times_, sums_;
  int64_t buckets_ = 0;
};

}  // namespace

std::optional<RanksSpeed> compare_shared_steps(const FinetuneConfig& config, Ranks& ranks, const StepsMaker& make,
                                               int64_t count) {
  Comparison comparison(config, ranks, make);
  comparison.run(1);
  comparison.forget();
  for (int64_t done = 0; done < count; done += kBlock) comparison.run(std::min(kBlock, count - done));
  if (ranks.rank() != 0) return {};
  return comparison.speed(config.batch);
}

}  // namespace physgen
