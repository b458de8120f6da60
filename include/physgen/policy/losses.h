#pragma once

#include <ATen/core/Generator.h>

#include <physgen/policy/loss_config.h>
#include <physgen/policy/physgen_model.h>

namespace physgen {

/// A batch of windows, padded at the end: what is not valid takes part in no loss. Frames that are not valid are seen
/// by nothing that counts; actions that are not valid hold still and are denoised with the rest of their lookahead.
struct WindowBatch {
  at::Tensor latents;        ///< [B, P + 1, C, h, w] normalised latents of O_0..O_P, float32
  at::Tensor input_latents;  ///< [B, P, C, h, w] what the model is shown of O_0..O_{P-1}; undefined: `latents`
  at::Tensor frame_valid;    ///< [B, P + 1] bool: the episode has that frame
  at::Tensor actions;        ///< [B, P + chunks - 1, L, A] normalised A_1..A_{P + chunks - 1}
  at::Tensor action_valid;   ///< [B, P + chunks - 1, L] bool: supervised
  at::Tensor states;         ///< [B, P + 1, S] normalised, or undefined
  std::vector<std::string> instructions;  ///< B
};

/// Everything random of one evaluation of the losses: a value, so that a test can give it and a resume repeats it.
struct LossNoise {
  at::Tensor text_kept;         ///< [B] bool
  FrameMask frame_mask;         ///< of B P frames
  at::Tensor frame_noise;       ///< [R, B P, N, values]
  at::Tensor frame_timesteps;   ///< [R, B P, N] int64
  at::Tensor action_noise;      ///< [B P, R, chunks L, A]
  at::Tensor action_timesteps;  ///< [B P, R] int64
};

/// Draws the noise of a batch on the CPU and moves it to `device`. Flow matching draws its times uniformly.
LossNoise draw_loss_noise(const ModelConfig& model, const LossConfig& config, int64_t batch, at::Generator generator,
                          at::Device device);

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
LossCounts count_loss_terms(const ModelConfig& model, const WindowBatch& batch, const LossNoise& noise,
                            const LossConfig& config);

/// L_obs and L_act of a batch, teacher-forced (section 5 of the paper).
/// The cross-entropy of bins takes the place of the squared error for discrete actions.
Losses compute_losses(PhysGenModel& model, const WindowBatch& batch, const LossNoise& noise, const LossConfig& config);

/// Samples the chunk to execute at every pack of a batch. @return [B, P, L, A] normalised
/// @param generator  draws the starting noise on the CPU
at::Tensor sample_actions(PhysGenModel& model, const WindowBatch& batch, at::Generator generator);

}  // namespace physgen
