#pragma once

#include <utility>
#include <vector>

#include <physgen/layers/lora.h>

namespace physgen {

/// Scales and shifts of a layer norm that are made from a condition: proj(lora(SiLU(z))), cut into equal parts.
/// Reference: diffnext/models/normalization.py AdaLayerNormZero, AdaLayerNorm (2 parts: scale, shift).
class AdaLayerNormImpl : public torch::nn::Module {
 public:
  /// @param rank  of the bottleneck `lora` before `proj`; 0: none
  AdaLayerNormImpl(int64_t condition_width, int64_t width, int64_t parts, int64_t rank = 0);

  /// z [..., condition_width] -> `parts` tensors [..., width]: NOVA's are scale, shift, then gates; those of
  /// ActionBlock shift, scale, gate of each part
  std::vector<at::Tensor> forward(const at::Tensor& z) const;

  LoraLinear lora{nullptr}, proj{nullptr};

 private:
  int64_t parts_;
};
TORCH_MODULE(AdaLayerNorm);

/// LN(x) gain + shift, the norm without weights. @param gain  1 + scale @param eps  1e-6 in the reference
at::Tensor modulate_norm(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, double eps = 1e-6);

/// h = x + gate y, and of h what `modulate_norm` returns.
std::pair<at::Tensor, at::Tensor> add_and_modulate_norm(const at::Tensor& x, const at::Tensor& gate,
                                                        const at::Tensor& y, const at::Tensor& gain,
                                                        const at::Tensor& shift, double eps = 1e-6);

}  // namespace physgen
