#pragma once

#include <physgen/vae/frame_attention.h>
#include <physgen/vae/vae_config.h>

namespace physgen {

/// A level's convolution to the next smaller one: `downsamplers.0.conv` and `upsamplers.0.conv` hold one `conv`.
class ResizeImpl : public torch::nn::Module {
 public:
  explicit ResizeImpl(const ConvShape& shape, at::Device device = at::kCPU);
  CausalConv conv;
};
TORCH_MODULE(Resize);

/// Residual blocks, and a resize after all levels but the last.
class DownBlockImpl : public torch::nn::Module {
 public:
  DownBlockImpl(const VaeConfig& config, int64_t level, at::Device device);
  torch::nn::ModuleList resnets, downsamplers{nullptr};
};
TORCH_MODULE(DownBlock);

/// Residual blocks, and a resize before all levels but the largest.
class UpBlockImpl : public torch::nn::Module {
 public:
  UpBlockImpl(const VaeConfig& config, int64_t level, at::Device device);

  /// Twice the height and width; of a 3-D resize 2 T - 1 frames of T. A single frame stays one.
  at::Tensor upsample(const at::Tensor& x) const;

  torch::nn::ModuleList resnets, upsamplers{nullptr};

 private:
  bool in_time_;
};
TORCH_MODULE(UpBlock);

/// Residual block, attention, residual block, at the smallest size.
class MidBlockImpl : public torch::nn::Module {
 public:
  MidBlockImpl(int64_t width, int64_t groups, int64_t time_taps, at::Device device);
  at::Tensor forward(const at::Tensor& x) const;
  torch::nn::ModuleList resnets, attentions;
};
TORCH_MODULE(MidBlock);

/// Levels 0 and 1 and the first downsampler see frames one by one, everything behind them sees time.
class VaeEncoderImpl : public torch::nn::Module {
 public:
  VaeEncoderImpl(const VaeConfig& config, at::Device device);

  /// [B, 3 p p, H, W] or [B, 3 p p, T, H, W] -> [B, 2 C, (T',) h, w]
  at::Tensor forward(const at::Tensor& x) const;

  CausalConv conv_in;
  torch::nn::ModuleList down_blocks;
  MidBlock mid_block;
  ChannelNorm conv_norm_out;
  CausalConv conv_out;
};
TORCH_MODULE(VaeEncoder);

class VaeDecoderImpl : public torch::nn::Module {
 public:
  VaeDecoderImpl(const VaeConfig& config, at::Device device);

  /// [B, C, h, w] or [B, C, T', h, w] -> [B, 3 p p, (T,) H, W]
  at::Tensor forward(const at::Tensor& latents) const;

  torch::nn::ModuleList up_blocks;
  CausalConv conv_in;
  MidBlock mid_block;
  ChannelNorm conv_norm_out;
  CausalConv conv_out;
};
TORCH_MODULE(VaeDecoder);

/// The posterior of a latent: a Gaussian of independent values.
struct LatentMoments {
  at::Tensor mean;          ///< [B, C, (T',) h, w], float32 (float64 for float64 frames)
  at::Tensor log_variance;  ///< the same shape, within [-30, 20]

  /// mean + deviation x noise; noise has the shape of the mean.
  at::Tensor sample(const at::Tensor& noise) const;
};

/// A causal video VAE whose frames can stand alone: four-dimensional input is one frame a sample, and then every
/// convolution is two-dimensional. Computes in the dtype of its input, whatever the dtype of its parameters.
/// T = 1 + 4 k frames are 1 + k latents of four levels, in tiles where the config says so.
/// Differs from reference: an incomplete last tile is an error, not dropped.
/// Reference: diffnext/models/autoencoders/autoencoder_kl_opensora.py AutoencoderKLOpenSora, autoencoder_kl.py
/// AutoencoderKL (time_taps 0), modeling_utils.py TilingMixin.
class CausalVaeImpl : public torch::nn::Module {
 public:
  /// Throws ConfigError as `check` does. @param device  of the parameters; at::kMeta: names and shapes only
  explicit CausalVaeImpl(const VaeConfig& config, at::Device device = at::kCPU);

  /// @param frames  [B, 3, H, W] or [B, 3, T, H, W] in [-1, 1]; H and W are multiples of config.stride(), T as
  ///                config.latents_of() takes it
  LatentMoments encode(const at::Tensor& frames) const;

  /// @param latents  [B, C, h, w] or [B, C, T', h, w], not normalised
  /// @return [B, 3, (T,) H, W], about [-1, 1]
  at::Tensor decode(const at::Tensor& latents) const;

  /// Latents as the model sees them, of mean 0 and deviation 1 about, and back. [B, C, …]
  at::Tensor normalize(const at::Tensor& latents) const;
  at::Tensor denormalize(const at::Tensor& latents) const;

  VaeConfig config;
  VaeEncoder encoder;
  VaeDecoder decoder;
  CausalConv quant_conv, post_quant_conv;
};
TORCH_MODULE(CausalVae);

}  // namespace physgen
