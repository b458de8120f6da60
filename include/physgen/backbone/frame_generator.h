#pragma once

#include <ATen/core/Generator.h>

#include <vector>

#include <physgen/backbone/nova.h>
#include <physgen/diffusion/objective.h>

namespace physgen {

/// How a frame is drawn.
struct FrameSampling {
  int64_t decoding_steps = 16;   ///< of masked autoregression: passes of the frame decoder
  int64_t denoising_steps = 25;  ///< of the diffusion MLP in each of them
  Sampler sampler = Sampler::ddim;
};

/// How many patches each step decodes: few at first, as the cosine falls; at most `steps` >= 1 numbers, none of them
/// zero.
/// Reference: diffnext/models/transformers/transformer_3d.py generate_frame.
std::vector<int64_t> decoding_counts(int64_t patches, int64_t steps);

/// Draws frames from the outputs of the causal transformer that condition them: the frame decoder sees the patches that
/// are there, the diffusion MLP draws the next ones, in a random order.
/// @param condition  [F, M, C]
/// @param generator  of the CPU, for the order and the noise
/// @return normalised latents [F, channels, h, w], float32
/// Differs from reference: no guidance; a patch's noise is drawn when it is decoded.
at::Tensor generate_frames(Nova& nova, const at::Tensor& condition, const FrameSampling& sampling,
                           at::Generator generator);

}  // namespace physgen
