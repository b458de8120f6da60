#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <physgen/train/metrics.h>

namespace physgen {

/// Called as a run goes on; each may be empty.
struct TrainingCallbacks {
  std::function<void(int64_t frames, int64_t total)> encoding = {};
  std::function<void(const StepMetrics&)> step = {};
  std::function<void(const EvaluationMetrics&)> evaluation = {};
  std::function<void(const std::string&)> note = {};
};

/// Where a run ended.
struct TrainingResult {
  int64_t step = 0;
  bool stopped = false;  ///< as was asked, before the run was done
  bool speaks = true;    ///< false of all but the first of several processes
  /// The checkpoint that was best on held-out episodes, without any the newest. Not there yet where the run was stopped
  /// before its first evaluation.
  std::string best;
  std::string last;  ///< the newest checkpoint, to continue from
};

}  // namespace physgen
