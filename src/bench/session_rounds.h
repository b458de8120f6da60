#pragma once

#include <memory>
#include <vector>

#include <physgen/policy/round_batcher.h>

#include "bench/control_rounds.h"

namespace physgen {

/// Control rounds of several sessions at the same time, in a thread each, whose robots take no time at all. Their
/// windows are of different lengths.
class SessionRounds {
 public:
  /// @param batcher  computes their rounds together; none: each computes its own
  SessionRounds(const std::shared_ptr<const Policy>& policy, const PolicyConfig& config, int64_t sessions,
                const std::shared_ptr<RoundBatcher>& batcher = {});

  /// Rounds a second of all sessions together, over `rounds` of each.
  double run(int64_t rounds);

 private:
  std::vector<std::unique_ptr<ControlRounds>> sessions_;
};

/// Sets how many threads computations use, in threads that start later, too, for as long as it lives.
class ComputeThreads {
 public:
  explicit ComputeThreads(int64_t threads);
  ~ComputeThreads();
  ComputeThreads(const ComputeThreads&) = delete;
  ComputeThreads& operator=(const ComputeThreads&) = delete;

 private:
  int64_t before_;
};

}  // namespace physgen
