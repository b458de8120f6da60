#pragma once

#include <physgen/train/vae_trainer.h>
#include <physgen/vae/causal_vae.h>

#include "train/frame_pool.h"
#include "train/trainable.h"
#include "vae/vae_checkpoint.h"

namespace physgen {

/// A VAE that learns to reconstruct frames.
class VaeTraining final : public Trainable {
 public:
  /// @param vae  moved to the device
  VaeTraining(const VaeTrainConfig& config, CausalVae vae, FramePool pool, const Compute& compute);

  std::vector<OptimizedParameter> parameters() const override;
  std::vector<std::string> loss_names() const override { return {"reconstruction", "divergence"}; }
  std::vector<StepPart> prepare(int64_t step, const WorkShare& share) const override;
  std::string sources(int64_t step, const WorkShare& share) const override;
  std::optional<EvaluationMetrics> evaluate(Ranks* ranks) override;
  WriteWeights copy(int64_t step, bool best) const override;
  const char* kind() const override { return kVaeKind; }

 private:
  struct Batch;
  int64_t frame_at(int64_t position) const;
  Batch draw(int64_t first, int64_t count) const;
  std::vector<at::Tensor> loss_sums(const Batch& batch) const;
  at::Tensor encode(CausalVae vae, const at::Tensor& frames) const;
  at::Tensor reconstruct(CausalVae vae, const at::Tensor& frames) const;
  void measure_latents(CausalVae& vae) const;
  Image reconstructions(const CausalVae& vae) const;

  VaeTrainConfig config_;
  CausalVae vae_;
  FramePool pool_;
  Compute compute_;
  at::Tensor mean_;  // [3, H, W] of all training frames
};

}  // namespace physgen
