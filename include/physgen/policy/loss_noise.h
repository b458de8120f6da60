#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <vector>

#include <physgen/backbone/mask_embed.h>
#include <physgen/policy/loss_config.h>
#include <physgen/policy/model_config.h>
#include <physgen/policy/window_batch.h>

namespace physgen {

/// Everything random of one evaluation of the losses: a value, so that a test can give it and a resume repeats it.
struct LossNoise {
  at::Tensor text_kept;    ///< [B] bool
  FrameMask frame_mask;    ///< of B P frames
  at::Tensor frame_noise;  ///< [R, B P, N, values]
  /// [R, B P, N] int64, 0 to 999; flow matching: places in the falling table of sigmas (arXiv 2403.03206, logit-normal)
  at::Tensor frame_timesteps;
  at::Tensor action_noise;      ///< [B P, R, chunks L, A]
  at::Tensor action_timesteps;  ///< [B P, R] int64, 0 to 999; flow matching: 1000 sigma - 1
  at::Tensor decoded;           ///< [K] int64, which of the B P N patches L_obs counts; undefined: found from the masks
};

/// The windows of a run that noise is drawn for.
struct NoiseKey {
  uint64_t seed = 0;
  int64_t first = 0;  ///< position in the run of the first window
  int64_t count = 1;  ///< of windows
  int64_t step = 0;   ///< that they belong to: the share of masked patches is one a step
};

/// Draws the noise of windows on the CPU. What a window gets is a pure function of (seed, its position, its step),
/// whatever else is drawn with it. Flow matching draws its times uniformly for actions.
LossNoise draw_loss_noise(const ModelConfig& model, const LossConfig& config, const NoiseKey& key);

/// What the noise of each window's sampled actions is drawn from; as pure.
std::vector<at::Generator> sampling_generators(const NoiseKey& key);

/// Normal noise that windows' actions are sampled from, [windows P, chunks L, A], of one generator a window.
at::Tensor draw_sampling_noise(const ModelConfig& model, std::vector<at::Generator> generators);

/// Noise on another device.
LossNoise moved(LossNoise noise, at::Device device);

}  // namespace physgen
