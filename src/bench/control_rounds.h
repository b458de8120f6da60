#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <physgen/policy/controller.h>
#include <physgen/policy/policy_config.h>

#include "bench/stage_times.h"

namespace physgen {

/// Control rounds, episode after episode of twice a window.
class ControlRounds {
 public:
  /// @param batcher  computes the rounds together with those of others; none: alone
  ControlRounds(std::shared_ptr<const Policy> policy, const PolicyConfig& config,
                std::shared_ptr<RoundBatcher> batcher = {});
  ControlRounds(const ControlRounds&) = delete;
  ControlRounds& operator=(const ControlRounds&) = delete;

  /// Of the next round: a pack will leave the window in it.
  bool slides_next() const { return round_ % (2 * config_.model.packs) >= config_.model.packs; }

  /// One round; its stages are added to `times` with the whole as "round".
  void run(StageTimes& times);

 private:
  ControllerOptions watched(std::shared_ptr<RoundBatcher> batcher);

  std::shared_ptr<const Policy> policy_;
  PolicyConfig config_;
  std::vector<std::pair<std::string, double>> stages_;
  Controller controller_;
  std::vector<Observation> observations_;
  Matrix executed_;
  int64_t round_ = 0;
  uint64_t episode_ = 0;
};

}  // namespace physgen
