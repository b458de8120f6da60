#pragma once

#include <physgen/policy/policy_checkpoint.h>
#include <physgen/train/finetune_config.h>

#include "train/trainable.h"
#include "train/window_source.h"

namespace physgen {

/// A policy that learns from windows (section 5 of the paper).
class PolicyTraining final : public Trainable {
 public:
  /// @param policy    on the CPU, prepared to be trained; moved to the device
  /// @param windows   of the training episodes
  /// @param held_out  of those held out
  /// Both sources must outlive this.
  PolicyTraining(const FinetuneConfig& config, LoadedPolicy policy, const WindowSource& windows,
                 const WindowSource& held_out, const Compute& compute);

  std::vector<OptimizedParameter> parameters() const override;
  std::vector<std::string> loss_names() const override { return {"observation", "action"}; }
  std::vector<StepPart> prepare(int64_t step, const WorkShare& share) const override;
  std::string sources(int64_t step, const WorkShare& share) const override;
  std::optional<EvaluationMetrics> evaluate(Ranks* ranks) override;
  WriteWeights copy(int64_t step, bool best) const override;
  const char* kind() const override { return kPolicyKind; }

 private:
  StepPart part_of(int64_t first, int64_t count, int64_t step) const;
  int64_t micro_batch() const { return config_.batch / config_.accumulation; }

  FinetuneConfig config_;
  LoadedPolicy policy_;
  const WindowSource& windows_;
  const WindowSource& held_out_;
  Compute compute_;
};

}  // namespace physgen
