#include "bench/control_rounds.h"

#include "bench/random_policy.h"
#include "core/stopwatch.h"

namespace physgen {

ControlRounds::ControlRounds(std::shared_ptr<const Policy> policy, const PolicyConfig& config,
                             const ControllerOptions& options, int64_t windows)
    : policy_(std::move(policy)), config_(config), controller_(policy_, watched(options)), windows_(windows) {
  for (uint64_t i = 0; i < 4; ++i) observations_.push_back(random_observation(config_, i));
}

ControllerOptions ControlRounds::watched(ControllerOptions options) {
  options.on_stage = [this](const char* stage, double time) {
    stages_.push_back({stage, time, operations_ ? operations_->take() : 0});
  };
  return options;
}

void ControlRounds::act() {
  if (round_ == episode_rounds()) round_ = 0;
  if (round_ == 0) controller_.reset(policy_->instruction(), ++episode_);
  stages_.clear();
  if (operations_) operations_->take();
  const Stopwatch stopwatch;
  const Matrix chunk = controller_.act(observations_[static_cast<size_t>(round_) % observations_.size()], executed_);
  Stage whole{"round", stopwatch.milliseconds()};
  for (const Stage& stage : stages_) whole.operations += stage.operations;
  stages_.push_back(whole);
  ++round_;
  executed_ = chunk.topRows(policy_->execute());
}

void ControlRounds::run(StageTimes& times) {
  act();
  for (const Stage& stage : stages_) times.add(stage.name, stage.milliseconds);
}

void ControlRounds::count(StageTimes& times) {
  operations_.emplace();
  act();
  operations_.reset();
  for (const Stage& stage : stages_) times.set_operations(stage.name, stage.operations);
}

}  // namespace physgen
