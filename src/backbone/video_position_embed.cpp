#include <physgen/backbone/video_position_embed.h>

#include <bit>

#include <torch/torch.h>

#include "layers/position_embed.h"
#include "layers/timestep_embed.h"

namespace physgen {

VideoPositionEmbedImpl::VideoPositionEmbedImpl(int64_t width)
    : norm(torch::nn::LayerNormOptions({width})),
      time_proj(torch::nn::Linear(kTimestepWidth, width), torch::nn::SiLU(), torch::nn::Linear(width, width)) {
  register_module("norm", norm);
  register_module("time_proj", time_proj);
}

at::Tensor VideoPositionEmbedImpl::forward(int64_t first, int64_t count, double stretch) {
  const at::Tensor table = tables_.get({std::bit_cast<int64_t>(stretch), first, count}, norm->weight.options(), [&] {
    return sin_cos_embed(at::arange(first, first + count, at::kFloat) * stretch, kTimestepWidth / 2);
  });
  return norm->forward(time_proj->forward(table));
}

}  // namespace physgen
