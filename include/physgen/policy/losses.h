#pragma once

#include <ATen/core/Generator.h>

#include <physgen/policy/loss_config.h>
#include <physgen/policy/loss_noise.h>
#include <physgen/policy/physgen_model.h>
#include <physgen/policy/window_batch.h>

namespace physgen {

/// Numerators and counts: sums over gradient accumulation and ranks come first, the division last.
struct Losses {
  at::Tensor observation_sum, observation_count;  ///< squared errors averaged over a patch's values; masked patches
  at::Tensor action_sum, action_count;            ///< squared errors; valid action elements

  /// L_obs and L_act: means, zero where nothing counts.
  at::Tensor observation() const;
  at::Tensor action() const;
};

/// How many terms the sums of a batch have: known before the model runs, so that micro-batches can be divided by the
/// count of them all.
struct LossCounts {
  double observation = 0, action = 0;
};

/// Counts the terms and sets `noise.decoded`, which a GPU would have to be waited for. All on the CPU.
LossCounts count_loss_terms(const ModelConfig& model, const WindowBatch& batch, LossNoise& noise,
                            const LossConfig& config);

/// L_obs and L_act of a batch, teacher-forced (section 5 of the paper).
/// The cross-entropy of bins takes the place of the squared error for discrete actions.
Losses compute_losses(PhysGenModel& model, const WindowBatch& batch, const LossNoise& noise, const LossConfig& config);

/// The conditions of what follows each pack of a batch.
Conditions conditions_of(PhysGenModel& model, const WindowBatch& batch);

/// Samples the chunk to execute at every pack of a batch. @return [B, P, L, A] normalised
/// @param noise      [B P, chunks L, A] to begin with
/// @param generators  of the DDPM sampler's further noise, on the CPU, one a window
at::Tensor sample_actions(PhysGenModel& model, const WindowBatch& batch, const at::Tensor& noise,
                          std::vector<at::Generator> generators = {});

}  // namespace physgen
