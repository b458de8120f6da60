#include "bench/control_rounds.h"

#include <physgen/core/stopwatch.h>

#include "bench/random_policy.h"

namespace physgen {

ControlRounds::ControlRounds(std::shared_ptr<const Policy> policy, const PolicyConfig& config,
                             std::shared_ptr<RoundBatcher> batcher)
    : policy_(std::move(policy)), config_(config), controller_(policy_, watched(std::move(batcher))) {
  for (uint64_t i = 0; i < 4; ++i) observations_.push_back(random_observation(config_, i));
}

ControllerOptions ControlRounds::watched(std::shared_ptr<RoundBatcher> batcher) {
  ControllerOptions options;
  options.batcher = std::move(batcher);
  options.on_stage = [this](const char* stage, double time) { stages_.emplace_back(stage, time); };
  return options;
}

void ControlRounds::run(StageTimes& times) {
  if (round_ == 2 * config_.model.packs) round_ = 0;
  if (round_ == 0) controller_.reset(policy_->instruction(), ++episode_);
  stages_.clear();
  const Stopwatch stopwatch;
  const Matrix chunk = controller_.act(observations_[static_cast<size_t>(round_) % observations_.size()], executed_);
  stages_.emplace_back("round", stopwatch.milliseconds());
  for (const auto& [stage, time] : stages_) times.add(stage, time);
  ++round_;
  executed_ = chunk.topRows(policy_->execute());
}

}  // namespace physgen
