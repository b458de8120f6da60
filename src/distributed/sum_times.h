#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <vector>

#include "core/stopwatch.h"

namespace physgen {

/// When a sum over all ranks ran, in milliseconds since the backward pass began.
struct SumTime {
  double began = 0, ended = 0;
};

/// The sums of a backward pass, which end on other threads than they begin on.
class SumTimes {
 public:
  /// A backward pass begins.
  void restart() {
    const std::lock_guard lock(mutex_);
    times_.clear();
    ended_ = 0;
    stopwatch_ = {};
  }

  /// A sum begins. @return its number, for `end`
  size_t begin() {
    const std::lock_guard lock(mutex_);
    times_.push_back({.began = stopwatch_.milliseconds()});
    return times_.size() - 1;
  }

  void end(size_t number) {
    const std::lock_guard lock(mutex_);
    times_[number].ended = stopwatch_.milliseconds();
    ++ended_;
    all_ended_.notify_all();
  }

  /// Those of the pass, in the order in which they began, once all have ended.
  std::vector<SumTime> all() {
    std::unique_lock lock(mutex_);
    all_ended_.wait(lock, [this] { return ended_ == times_.size(); });
    return times_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_ended_;
  std::vector<SumTime> times_;
  size_t ended_ = 0;
  Stopwatch stopwatch_;
};

}  // namespace physgen
