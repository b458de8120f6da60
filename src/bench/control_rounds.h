#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <physgen/policy/controller.h>
#include <physgen/policy/policy_config.h>

#include "bench/operation_count.h"
#include "bench/stage_times.h"

namespace physgen {

/// Control rounds, episode after episode.
class ControlRounds {
 public:
  /// @param options  of the controller; who is told of its stages is the rounds' own
  /// @param windows  of an episode: how many times as many rounds it has as a window packs
  ControlRounds(std::shared_ptr<const Policy> policy, const PolicyConfig& config, const ControllerOptions& options = {},
                int64_t windows = 2);
  ControlRounds(const ControlRounds&) = delete;
  ControlRounds& operator=(const ControlRounds&) = delete;

  /// Of the next round: a pack will leave the window in it.
  bool slides_next() const { return round_ % episode_rounds() >= config_.model.packs; }
  int64_t episode_rounds() const { return windows_ * config_.model.packs; }

  /// One round; its stages are added to `times` with the whole as "round".
  void run(StageTimes& times);

  /// One round that is not timed; `times` is told the operations of its stages.
  void count(StageTimes& times);

 private:
  struct Stage {
    std::string name;
    double milliseconds = 0;
    int64_t operations = 0;
  };

  ControllerOptions watched(ControllerOptions options);
  void act();

  std::shared_ptr<const Policy> policy_;
  PolicyConfig config_;
  std::vector<Stage> stages_;  // of the last round
  std::optional<OperationCount> operations_;
  Controller controller_;
  std::vector<Observation> observations_;
  Matrix executed_;
  int64_t windows_, round_ = 0;
  uint64_t episode_ = 0;
};

}  // namespace physgen
