#pragma once

#include <physgen/layers/lora.h>

namespace physgen {

/// fc2(activation(fc1(x))): GELU (erf) in transformer blocks, SiLU in the diffusion MLP.
/// Reference: diffnext/models/vision_transformer.py Mlp, diffusion_mlp.py Projector.
class MlpImpl : public torch::nn::Module {
 public:
  enum class Activation { gelu, silu };
  MlpImpl(int64_t in, int64_t hidden, int64_t out, Activation activation = Activation::gelu);

  /// x [..., in] -> [..., out]
  at::Tensor forward(const at::Tensor& x) const;

  LoraLinear fc1, fc2;

 private:
  Activation activation_;
};
TORCH_MODULE(Mlp);

}  // namespace physgen
