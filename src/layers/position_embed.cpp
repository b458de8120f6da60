#include "layers/position_embed.h"

#include <torch/torch.h>

namespace physgen {

at::Tensor sin_cos_embed(const at::Tensor& values, int64_t half) {
  at::Tensor frequencies = at::pow(10000.0, at::arange(half, at::kFloat) / static_cast<double>(half)).reciprocal();
  at::Tensor angles = at::outer(values.to(at::kFloat), frequencies);
  return at::cat({angles.sin(), angles.cos()}, 1);
}

at::Tensor grid_position_embed(int64_t height, int64_t width, int64_t channels) {
  TORCH_CHECK_VALUE(channels % 4 == 0, "[grid_position_embed] ", channels, " channels are no multiple of 4");
  at::Tensor rows = sin_cos_embed(at::arange(height), channels / 4).unsqueeze(1).expand({height, width, -1});
  at::Tensor columns = sin_cos_embed(at::arange(width), channels / 4).unsqueeze(0).expand({height, width, -1});
  return at::cat({columns, rows}, 2).flatten(0, 1);  // [H W, C]
}

}  // namespace physgen
