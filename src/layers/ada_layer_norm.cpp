#include <physgen/layers/ada_layer_norm.h>

#include <torch/torch.h>

#include "kernels/modulated_norm.h"

namespace physgen {

AdaLayerNormImpl::AdaLayerNormImpl(int64_t condition_width, int64_t width, int64_t parts, int64_t rank)
    : parts_(parts) {
  if (rank > 0) lora = register_module("lora", LoraLinear(condition_width, rank, false));
  proj = register_module("proj", LoraLinear(rank > 0 ? rank : condition_width, parts * width));
}

std::vector<at::Tensor> AdaLayerNormImpl::forward(const at::Tensor& z) const {
  at::Tensor x = at::silu(z);
  if (lora) x = lora->forward(x);
  return proj->forward(x).chunk(parts_, -1);
}

at::Tensor modulate_norm(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, double eps) {
  const int64_t width = x.size(-1);
  if (!at::GradMode::is_enabled() && gain.numel() == width) {  // of one timestep: the norm's own weights, one pass
    return at::layer_norm(x, {width}, gain.view({width}).to(x.scalar_type()), shift.view({width}).to(x.scalar_type()),
                          eps);
  }
  return modulated_norm(x, gain, shift, eps);
}

std::pair<at::Tensor, at::Tensor> add_and_modulate_norm(const at::Tensor& x, const at::Tensor& gate,
                                                        const at::Tensor& y, const at::Tensor& gain,
                                                        const at::Tensor& shift, double eps) {
  if (at::GradMode::is_enabled()) return gated_modulated_norm(x, gate, y, gain, shift, eps);
  const at::Tensor h = at::addcmul(x, gate, y);
  return {h, modulate_norm(h, gain, shift, eps)};
}

}  // namespace physgen
