#include <physgen/backbone/motion_embed.h>

#include <torch/torch.h>

#include "layers/position_embed.h"
#include "layers/timestep_embed.h"

namespace physgen {
namespace {

torch::nn::Sequential projection(int64_t width) {
  return torch::nn::Sequential(torch::nn::Linear(kTimestepWidth, width), torch::nn::SiLU(),
                               torch::nn::Linear(width, width));
}

at::Tensor project(torch::nn::Sequential& proj, double value) {
  at::Tensor weight = proj->parameters().front();
  return proj->forward(sin_cos_embed(at::full({1}, value), kTimestepWidth / 2).to(weight.options()));
}

}  // namespace

MotionEmbedImpl::MotionEmbedImpl(int64_t width) : flow_proj(projection(width)), fps_proj(projection(width)) {
  register_module("flow_proj", flow_proj);
  register_module("fps_proj", fps_proj);
}

at::Tensor MotionEmbedImpl::forward(const Motion& motion) {
  return at::cat({project(flow_proj, motion.flow), project(fps_proj, motion.frames_per_second)}, 0);
}

}  // namespace physgen
