#pragma once

#include <physgen/vae/causal_conv.h>

namespace physgen {

/// GroupNorm (eps 1e-6), and SiLU after it where asked. Over single frames, or over all frames of a video.
class ChannelNormImpl : public torch::nn::Module {
 public:
  ChannelNormImpl(int64_t channels, int64_t groups, at::Device device = at::kCPU);

  /// [B, C, H, W] or [B, C, T, H, W], the shape is kept.
  at::Tensor forward(const at::Tensor& x, bool silu = true) const;

  const int64_t groups;
  at::Tensor weight, bias;
};
TORCH_MODULE(ChannelNorm);

/// conv2(silu(norm2(conv1(silu(norm1(x)))))) + shortcut(x), the shortcut being 1x1 where the channels change.
/// Reference: diffnext/models/autoencoders/autoencoder_kl_opensora.py ResBlock.
class ResidualBlockImpl : public torch::nn::Module {
 public:
  /// @param time_taps  as ConvShape's
  ResidualBlockImpl(int64_t in, int64_t out, int64_t groups, int64_t time_taps, at::Device device = at::kCPU);

  /// [B, C, H, W] or [B, C, T, H, W]
  at::Tensor forward(const at::Tensor& x) const;

  ChannelNorm norm1;
  CausalConv conv1;
  ChannelNorm norm2;
  CausalConv conv2;
  CausalConv conv_shortcut{nullptr};
};
TORCH_MODULE(ResidualBlock);

}  // namespace physgen
