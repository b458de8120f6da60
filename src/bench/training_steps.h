#pragma once

#include <map>
#include <optional>
#include <string>

#include "bench/operation_count.h"
#include "bench/random_windows.h"
#include "bench/stage_times.h"
#include "train/policy_training.h"
#include "train/training.h"

namespace physgen {

/// The steps of a training run, on random windows: what `finetune` calls, and nothing else.
class TrainingSteps {
 public:
  /// @param mode   the policy's weights are prepared for
  /// @param ranks  that share each step; null: this process is alone
  TrainingSteps(const LoadedPolicy& policy, const FinetuneConfig& config, TrainMode mode, const Compute& compute,
                Ranks* ranks = nullptr);
  TrainingSteps(const TrainingSteps&) = delete;
  TrainingSteps& operator=(const TrainingSteps&) = delete;

  /// One step; its stages are added to `times` with the whole as "step".
  void run(StageTimes& times);

  /// One step that is not timed; `times` is told the operations of its stages.
  void count(StageTimes& times);

  /// How many patches of each frame the model was shown in the last step.
  int64_t known() const;

 private:
  FinetuneConfig config_;
  ModelConfig model_;
  RandomWindows windows_;
  PolicyTraining policy_;
  Training training_;
  std::map<std::string, double> stages_;  // of the present step, milliseconds
  std::optional<OperationCount> operations_;
  std::map<std::string, int64_t> counts_;  // of the present step
};

}  // namespace physgen
