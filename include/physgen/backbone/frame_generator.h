#pragma once

#include <ATen/core/Generator.h>

#include <functional>
#include <vector>

#include <physgen/backbone/nova.h>
#include <physgen/diffusion/sampler.h>

namespace physgen {

/// How a frame is drawn.
struct FrameSampling {
  int64_t decoding_steps = 16;      ///< of masked autoregression: passes of the frame decoder
  int64_t denoising_steps = 25;     ///< of the diffusion MLP in each of them
  Sampler sampler = Sampler::ddim;  ///< of a diffusion MLP that predicts noise
  double guidance = 1;              ///< above 1: away from the second half of the conditions, towards the first
  double guidance_until = 0;        ///< timesteps below this one are not guided
  double guidance_renorm = 1;       ///< below 1: the least factor that a guided prediction is scaled back by
};

/// How many patches each step decodes: few at first, as the cosine falls; at most `steps` >= 1 numbers, none of them
/// zero.
/// Reference: diffnext/models/transformers/transformer_3d.py generate_frame.
std::vector<int64_t> decoding_counts(int64_t patches, int64_t steps);

/// The timesteps that a model's diffusion MLP visits, from noise to data, as its objective asks. @param steps  1 to
/// 1000
std::vector<double> denoising_timesteps(const NovaConfig& config, int64_t steps);

/// Draws frames from the outputs of the causal transformer that condition them: the frame decoder sees the patches that
/// are there, the diffusion MLP draws the next ones, in a random order that is the same for every frame of a generator.
/// Draws from `generator` what the reference draws, in its order: on the CPU in float32 the same seed gives the
/// reference's frames.
/// Reference: diffnext/models/transformers/transformer_3d.py generate_frame, denoise; guidance_scaler.py.
class FrameGenerator {
 public:
  /// @param generator  of the CPU, for the order and the noise
  FrameGenerator(Nova nova, const FrameSampling& sampling, at::Generator generator);

  /// @param condition  [F, M, C]; with guidance [2 F, M, C], those to come nearer to first
  /// @param on_step    called after each decoding step
  /// @return normalised latents [F, channels, h, w], float32
  at::Tensor draw(const at::Tensor& condition, const std::function<void()>& on_step = {});

 private:
  at::Tensor denoise(const at::Tensor& z, const at::Tensor& ids);
  at::Tensor guided(const at::Tensor& predicted, const at::Tensor& x, const at::Tensor& index) const;
  at::Tensor draw_noise(int64_t frames, at::Device device);

  Nova nova_;
  FrameSampling sampling_;
  at::Generator generator_;
  NoiseSchedule schedule_;
  std::vector<double> timesteps_;
  at::Tensor order_;  // of the patches, [F, N]
};

}  // namespace physgen
