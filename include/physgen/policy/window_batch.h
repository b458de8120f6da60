#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

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

/// A batch on another device.
WindowBatch moved(WindowBatch batch, at::Device device);

}  // namespace physgen
