#pragma once

#include <optional>
#include <vector>

#include <physgen/policy/policy_checkpoint.h>
#include <physgen/train/ema.h>
#include <physgen/train/optimizer.h>
#include <physgen/train/trainer.h>
#include <physgen/train/training_state.h>
#include <physgen/train/window_loader.h>

namespace physgen {

/// A policy while it is trained. Every step is a function of (seed, step) and of the state before it.
class Training {
 public:
  /// `sets` and `latents` must outlive it.
  /// @param policy  on the CPU, prepared to be trained; its weights are what averages begin with
  /// @param dtype   that matrix products are computed in
  Training(const FinetuneConfig& config, const std::vector<double>& weights, LoadedPolicy policy,
           const std::vector<DemonstrationSet>& sets, const std::vector<LatentStore>& latents, at::Device device,
           at::ScalarType dtype);

  /// One optimiser step. Throws Error for a loss or a gradient that is not finite, at once or after many in a row, as
  /// the config says.
  StepMetrics advance();
  /// The averaged weights on held-out windows; nothing where there are none. `best` is set where they are the best yet.
  std::optional<EvaluationMetrics> evaluate();

  /// A policy checkpoint of the averaged weights; with `to_continue` also what `load` needs.
  void save(const std::filesystem::path& path, bool to_continue);
  /// Goes on from what `save` wrote beside the policy that this was made with.
  void load(const std::filesystem::path& checkpoint);

  int64_t step() const { return progress_.step; }

 private:
  struct MicroBatch;
  MicroBatch draw(int64_t index) const;
  double backward(const std::vector<MicroBatch>& parts, StepMetrics& metrics);
  void refuse_or_skip(StepMetrics& metrics);

  FinetuneConfig config_;
  LoadedPolicy policy_;
  at::Device device_;
  at::ScalarType dtype_;
  WindowLoader windows_, held_out_;
  AdamW optimizer_;
  Ema averages_;
  TrainingProgress progress_;
};

}  // namespace physgen
