#pragma once

#include <ATen/core/Tensor.h>
#include <physgen/layers/layer_use.h>

#include <memory>
#include <string>
#include <vector>

namespace physgen {

class CausalVae;

/// The encoder of a VAE as control needs it: one pass from camera frames to normalised latents. A snapshot: later
/// changes of the VAE do not reach it. Time taps, pixel scaling, the quantisation convolution and the latent
/// normalisation are folded into the convolutions, and only the mean is computed. Safe to use from several threads.
class FrameEncoder {
 public:
  /// @param dtype  at::kFloat or at::kBFloat16; at::kFloat gives CausalVae::encode up to rounding
  /// @param int8   of the convolutions among `int8_layers` that compute in int8, on the CPU
  /// @param watch  is told of what the others of them compute; none: nobody is told
  FrameEncoder(const CausalVae& vae, at::Device device, at::ScalarType dtype, const LayerScales& int8 = {},
               const LayerWatch& watch = {});

  /// @param frames  uint8 [B, H, W, 3] on any device
  /// @return        the normalised latent mean, float32 [B, C, h, w] on the encoder's device
  at::Tensor encode(const at::Tensor& frames) const;

 private:
  struct Weights;
  std::shared_ptr<const Weights> weights_;
};

/// The layers that can compute in int8: the convolutions of the encoder's residual blocks, by the names of their
/// modules. Their inputs come from norms, which write bytes as quickly as numbers; others would cost a pass more.
std::vector<std::string> int8_layers(const CausalVae& vae);

}  // namespace physgen
