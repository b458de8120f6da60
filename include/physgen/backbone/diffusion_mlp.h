#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/normalization.h>

#include <physgen/layers/ada_layer_norm.h>
#include <physgen/layers/mlp.h>
#include <physgen/layers/patch_embed.h>

namespace physgen {

/// A condition plus an embedded timestep. Reference: diffnext/models/diffusion_mlp.py TimeCondEmbed.
class TimeConditionEmbedImpl : public torch::nn::Module {
 public:
  TimeConditionEmbedImpl(int64_t condition_width, int64_t width);
  Mlp timestep_proj{nullptr}, condition_proj{nullptr};
};
TORCH_MODULE(TimeConditionEmbed);

/// x = LN(fc2(SiLU(fc1(modulated x)))) gate + x. Reference: diffnext/models/diffusion_mlp.py Block.
class DiffusionMlpBlockImpl : public torch::nn::Module {
 public:
  explicit DiffusionMlpBlockImpl(int64_t width);
  /// x, y [..., width]
  at::Tensor forward(const at::Tensor& x, const at::Tensor& y);

  AdaLayerNorm norm1;
  Mlp proj;
  torch::nn::LayerNorm norm2;
};
TORCH_MODULE(DiffusionMlpBlock);

/// Denoises single patches of a frame, each conditioned on its token. Reference: diffnext/models/diffusion_mlp.py.
class DiffusionMlpImpl : public torch::nn::Module {
 public:
  /// @param condition_width  of the frame decoder's outputs
  DiffusionMlpImpl(int64_t channels, int64_t patch, int64_t condition_width, int64_t width, int64_t depth);

  /// Tokens as conditions, once for all denoising steps. z [..., condition_width] -> [..., width]
  at::Tensor embed_condition(const at::Tensor& z);

  /// @param patches    noisy values [n, p p C]
  /// @param timesteps  [n], or one for all: int64 from 0 to 999, or float32 from 0 to 1000
  /// @param condition  [n, width], from `embed_condition`
  /// @return prediction [n, p p C]
  at::Tensor forward(const at::Tensor& patches, const at::Tensor& timesteps, const at::Tensor& condition);

  PatchEmbed patch_embed;
  TimeConditionEmbed time_cond_embed;
  torch::nn::ModuleList blocks;
  AdaLayerNorm norm;
  LoraLinear head;

 private:
  at::Tensor embed_timesteps(const at::Tensor& timesteps);
};
TORCH_MODULE(DiffusionMlp);

}  // namespace physgen
