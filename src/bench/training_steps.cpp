#include "bench/training_steps.h"

#include <array>

#include <torch/torch.h>

#include <physgen/policy/loss_noise.h>

namespace physgen {
namespace {

constexpr std::array kStages = {"batch", "forward", "backward", "optimizer"};

LoadedPolicy prepared(const LoadedPolicy& policy, const FinetuneConfig& config, TrainMode mode) {
  PhysGenModel model = policy.model;  // a handle
  prepare_training(model, mode, config.lora_rank, config.lora_alpha);
  return policy;
}

}  // namespace

TrainingSteps::TrainingSteps(const LoadedPolicy& policy, const FinetuneConfig& config, TrainMode mode,
                             const Compute& compute, Ranks* ranks)
    : config_(config),
      model_(policy.config.model),
      windows_(policy.config, config.batch),
      policy_(config, prepared(policy, config, mode), windows_, windows_, compute),
      training_(config, config.ema_decay, policy_, compute, ranks) {
  training_.watch([this](const char* stage, double milliseconds) {
    stages_[stage] += milliseconds;
    if (operations_) counts_[stage] += operations_->take();
  });
}

void TrainingSteps::run(StageTimes& times) {
  stages_.clear();
  const StepMetrics metrics = training_.advance();
  for (const char* stage : kStages) times.add(stage, stages_[stage]);
  times.add("step", 1e3 * metrics.seconds);
}

void TrainingSteps::count(StageTimes& times) {
  counts_.clear();
  operations_.emplace();
  training_.advance();
  operations_.reset();
  int64_t whole = 0;
  for (const char* stage : kStages) {
    times.set_operations(stage, counts_[stage]);
    whole += counts_[stage];
  }
  times.set_operations("step", whole);
}

int64_t TrainingSteps::known() const {
  if (!config_.loss.observation) return 0;
  const int64_t step = training_.step() - 1;
  const NoiseKey key{.seed = static_cast<uint64_t>(config_.seed), .first = step * config_.batch, .step = step};
  return draw_loss_noise(model_, config_.loss, key).frame_mask.known_ids.size(1);
}

}  // namespace physgen
