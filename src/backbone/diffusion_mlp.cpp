#include <physgen/backbone/diffusion_mlp.h>

#include <torch/torch.h>

#include <physgen/diffusion/noise_schedule.h>

#include "kernels/residual_norm.h"
#include "layers/timestep_embed.h"

namespace physgen {

TimeConditionEmbedImpl::TimeConditionEmbedImpl(int64_t condition_width, int64_t width) {
  timestep_proj = register_module("timestep_proj", Mlp(kTimestepWidth, width, width, MlpImpl::Activation::silu));
  condition_proj = register_module("condition_proj", Mlp(condition_width, width, width, MlpImpl::Activation::silu));
}

DiffusionMlpBlockImpl::DiffusionMlpBlockImpl(int64_t width)
    : norm1(width, width, 3),
      proj(width, width, width, MlpImpl::Activation::silu),
      norm2(torch::nn::LayerNormOptions({width})) {
  register_module("norm1", norm1);
  register_module("proj", proj);
  register_module("norm2", norm2);
}

at::Tensor DiffusionMlpBlockImpl::forward(const at::Tensor& x, const at::Tensor& y) {
  std::vector<at::Tensor> parts = norm1->forward(y);  // scale, shift, gate
  at::Tensor h = proj->forward(modulate_norm(x, 1 + parts[0], parts[1]));
  return residual_norm(h, norm2->weight, norm2->bias, x, norm2->options.eps(), parts[2]);
}

DiffusionMlpImpl::DiffusionMlpImpl(int64_t channels, int64_t patch, int64_t condition_width, int64_t width,
                                   int64_t depth)
    : patch_embed(channels, width, patch),
      time_cond_embed(condition_width, width),
      norm(width, width, 2),
      head(width, patch * patch * channels) {
  register_module("patch_embed", patch_embed);
  register_module("time_cond_embed", time_cond_embed);
  for (int64_t i = 0; i < depth; ++i) blocks->push_back(DiffusionMlpBlock(width));
  register_module("blocks", blocks);
  register_module("norm", norm);
  register_module("head", head);
}

at::Tensor DiffusionMlpImpl::embed_condition(const at::Tensor& z) {
  return time_cond_embed->condition_proj->forward(z);
}

at::Tensor DiffusionMlpImpl::embed_timesteps(const at::Tensor& timesteps) {
  const auto embed = [&](const at::Tensor& some) {
    return time_cond_embed->timestep_proj->forward(timestep_frequencies(some).to(head->weight.scalar_type()));
  };
  if (timesteps.is_floating_point() || timesteps.size(0) < NoiseSchedule::kTimesteps) return embed(timesteps);
  // There are fewer timesteps than patches: each is embedded once.
  return embed(at::arange(NoiseSchedule::kTimesteps, timesteps.options())).index_select(0, timesteps);
}

at::Tensor DiffusionMlpImpl::forward(const at::Tensor& patches, const at::Tensor& timesteps,
                                     const at::Tensor& condition) {
  at::Tensor y = condition + embed_timesteps(timesteps);  // [n, width]
  at::Tensor x = patch_embed->forward(patches);
  for (const auto& block : *blocks) x = block->as<DiffusionMlpBlock>()->forward(x, y);
  std::vector<at::Tensor> parts = norm->forward(y);
  return head->forward(modulate_norm(x, 1 + parts[0], parts[1]));
}

}  // namespace physgen
