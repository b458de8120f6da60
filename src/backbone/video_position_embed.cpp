#include <physgen/backbone/video_position_embed.h>

#include <torch/torch.h>

#include <physgen/layers/position_embed.h>
#include <physgen/layers/timestep_embed.h>

namespace physgen {

VideoPositionEmbedImpl::VideoPositionEmbedImpl(int64_t width)
    : norm(torch::nn::LayerNormOptions({width})),
      time_proj(torch::nn::Linear(kTimestepWidth, width), torch::nn::SiLU(), torch::nn::Linear(width, width)) {
  register_module("norm", norm);
  register_module("time_proj", time_proj);
}

at::Tensor VideoPositionEmbedImpl::forward(const at::Tensor& indices, double stretch) {
  at::Tensor table = sin_cos_embed(indices.to(at::kCPU, at::kFloat) * stretch, kTimestepWidth / 2);
  return norm->forward(time_proj->forward(table.to(norm->weight.options())));
}

}  // namespace physgen
