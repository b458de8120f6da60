#pragma once

#include <physgen/vae/residual_block.h>
#include <torch/nn/modules/container/modulelist.h>

namespace physgen {

/// y = x W^T + b, the weight cast to the dtype of x.
class ProjectionImpl : public torch::nn::Module {
 public:
  explicit ProjectionImpl(int64_t width, at::Device device = at::kCPU);

  /// [..., C] -> [..., C]
  at::Tensor forward(const at::Tensor& x) const;

  at::Tensor weight, bias;
};
TORCH_MODULE(Projection);

/// x + attention of one head among the places of each frame.
/// Reference: diffnext/models/autoencoders/autoencoder_kl_opensora.py Attention.
class FrameAttentionImpl : public torch::nn::Module {
 public:
  FrameAttentionImpl(int64_t width, int64_t groups, at::Device device = at::kCPU);

  /// [B, C, H, W] or [B, C, T, H, W]
  at::Tensor forward(const at::Tensor& x) const;

  ChannelNorm group_norm;
  Projection to_q, to_k, to_v;
  torch::nn::ModuleList to_out;
};
TORCH_MODULE(FrameAttention);

}  // namespace physgen
