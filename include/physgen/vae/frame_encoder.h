#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

namespace physgen {

class CausalVae;

/// The encoder of a VAE as control needs it: one pass from camera frames to normalised latents. A snapshot: later
/// changes of the VAE do not reach it. Time taps, pixel scaling, the quantisation convolution and the latent
/// normalisation are folded into the convolutions, and only the mean is computed. Safe to use from several threads.
class FrameEncoder {
 public:
  /// @param dtype  at::kFloat or at::kBFloat16; at::kFloat gives CausalVae::encode up to rounding
  FrameEncoder(const CausalVae& vae, at::Device device, at::ScalarType dtype);

  /// @param frames  uint8 [B, H, W, 3] on any device
  /// @return        the normalised latent mean, float32 [B, C, h, w] on the encoder's device
  at::Tensor encode(const at::Tensor& frames) const;

 private:
  struct Weights;
  std::shared_ptr<const Weights> weights_;
};

}  // namespace physgen
