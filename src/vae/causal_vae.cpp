#include <ATen/Functions.h>
#include <c10/util/Exception.h>
#include <physgen/vae/causal_vae.h>

namespace physgen {
namespace {

/// Frames on their own, channels last on the CPU, where the convolutions and norms are quickest.
at::Tensor lay_out(const at::Tensor& x) { return x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x; }

at::Tensor fold_time(const at::Tensor& video) {
  return lay_out(video.transpose(1, 2).flatten(0, 1));  // [B T, C, H, W]
}

at::Tensor unfold_time(const at::Tensor& frames, int64_t time) {
  return frames.unflatten(0, {-1, time}).transpose(1, 2).contiguous();  // [B, C, T, H, W]
}

/// The first frame alone and the others doubled: T -> 2 T - 1.
at::Tensor upsample_time(const at::Tensor& x) {
  const auto grow = [](const at::Tensor& part, double time) {
    return at::upsample_trilinear3d(part, std::nullopt, false, at::ArrayRef<double>({time, 2, 2}));
  };
  const at::Tensor first = grow(x.narrow(2, 0, 1), 1);
  if (x.size(2) == 1) return first;
  return at::cat({first, grow(x.narrow(2, 1, x.size(2) - 1), 2)}, 2);
}

at::Tensor statistic(const std::vector<double>& values, const at::Tensor& latents) {
  std::vector<int64_t> sizes(latents.dim(), 1);
  sizes[1] = static_cast<int64_t>(values.size());
  return at::tensor(values, latents.options()).view(sizes);
}

/// [B, 3, (T,) H, W] -> [B, 3 p p, (T,) H/p, W/p]
at::Tensor gather_pixels(const at::Tensor& frames, int64_t patch) {
  if (patch == 1) return frames;
  if (frames.dim() == 4) return at::pixel_unshuffle(frames, patch);
  return at::pixel_unshuffle(frames.transpose(1, 2), patch).transpose(1, 2);
}

/// The inverse of `gather_pixels`.
at::Tensor scatter_pixels(const at::Tensor& values, int64_t patch) {
  if (patch == 1) return values;
  if (values.dim() == 4) return at::pixel_shuffle(values, patch);
  return at::pixel_shuffle(values.transpose(1, 2), patch).transpose(1, 2);
}

/// Tiles of `length`, each beginning with the last of the one before; what that gives again is dropped.
template <class Work>
at::Tensor in_tiles(const at::Tensor& x, int64_t length, const Work& work) {
  if (length == 1 || x.size(2) <= length) return work(x);
  std::vector<at::Tensor> parts = {work(x.narrow(2, 0, length))};
  for (int64_t start = length - 1; start + length <= x.size(2); start += length - 1) {
    const at::Tensor part = work(x.narrow(2, start, length));
    parts.push_back(part.narrow(2, 1, part.size(2) - 1));
  }
  return at::cat(parts, 2);
}

/// Single frames as they are, frames of a picture VAE one by one, videos in tiles.
/// @param stride  places in time of x to one latent
template <class Work>
at::Tensor over_time(const at::Tensor& x, const VaeConfig& config, int64_t stride, const Work& work) {
  if (x.dim() == 4) return work(x);
  if (config.time_taps == 0) return unfold_time(work(fold_time(x)), x.size(2));
  return in_tiles(x, config.tile_latents == 0 ? 1 : 1 + (config.tile_latents - 1) * stride, work);
}

int64_t level_count(const VaeConfig& config) { return static_cast<int64_t>(config.widths.size()); }

}  // namespace

ResizeImpl::ResizeImpl(const ConvShape& shape, at::Device device)
    : conv(register_module("conv", CausalConv(shape, device))) {}

DownBlockImpl::DownBlockImpl(const VaeConfig& config, int64_t level, at::Device device)
    : resnets(register_module("resnets", torch::nn::ModuleList())) {
  const int64_t width = config.widths[level], in = config.widths[std::max<int64_t>(level - 1, 0)];
  const int64_t taps = level < 2 ? 0 : config.time_taps;
  for (int64_t layer = 0; layer < config.layers_per_block; ++layer) {
    resnets->push_back(ResidualBlock(layer == 0 ? in : width, width, config.norm_groups, taps, device));
  }
  if (level + 1 == level_count(config)) return;
  const ConvShape half{.in = width, .out = width, .time_taps = level == 0 ? 0 : config.time_taps, .stride = 2};
  downsamplers = register_module("downsamplers", torch::nn::ModuleList(Resize(half, device)));
}

UpBlockImpl::UpBlockImpl(const VaeConfig& config, int64_t level, at::Device device)
    : resnets(register_module("resnets", torch::nn::ModuleList())), in_time_(level > 1 && config.time_taps > 0) {
  const int64_t width = config.widths[level], in = config.widths[std::min(level + 1, level_count(config) - 1)];
  for (int64_t layer = 0; layer < config.decoder_layers_per_block; ++layer) {
    resnets->push_back(ResidualBlock(layer == 0 ? in : width, width, config.norm_groups, config.time_taps, device));
  }
  if (level == 0) return;
  const ConvShape conv{
      .in = width, .out = width, .time_taps = in_time_ ? config.time_taps : single_tap(config.time_taps)};
  upsamplers = register_module("upsamplers", torch::nn::ModuleList(Resize(conv, device)));
}

at::Tensor UpBlockImpl::upsample(const at::Tensor& x) const {
  const CausalConv& conv = upsamplers->ptr<ResizeImpl>(0)->conv;
  const bool video = x.dim() == 5;
  if (in_time_) {
    return conv->forward(video ? upsample_time(x) : upsample_picture(x));
  }
  return conv->forward(video ? at::upsample_nearest3d(x, std::nullopt, at::ArrayRef<double>({1, 2, 2}))
                             : at::upsample_nearest2d(x, std::nullopt, at::ArrayRef<double>({2, 2})));
}

MidBlockImpl::MidBlockImpl(int64_t width, int64_t groups, int64_t time_taps, at::Device device)
    : resnets(
          register_module("resnets", torch::nn::ModuleList(ResidualBlock(width, width, groups, time_taps, device),
                                                           ResidualBlock(width, width, groups, time_taps, device)))),
      attentions(register_module("attentions", torch::nn::ModuleList(FrameAttention(width, groups, device)))) {}

at::Tensor MidBlockImpl::forward(const at::Tensor& x) const {
  const at::Tensor seen =
      attentions->ptr<FrameAttentionImpl>(0)->forward(resnets->ptr<ResidualBlockImpl>(0)->forward(x));
  return resnets->ptr<ResidualBlockImpl>(1)->forward(seen);
}

VaeEncoderImpl::VaeEncoderImpl(const VaeConfig& config, at::Device device)
    : conv_in(register_module(
          "conv_in",
          CausalConv(ConvShape{.in = 3 * config.patch * config.patch, .out = config.widths.front(), .time_taps = 0},
                     device))),
      down_blocks(register_module("down_blocks", torch::nn::ModuleList())),
      mid_block(
          register_module("mid_block", MidBlock(config.widths.back(), config.norm_groups, config.time_taps, device))),
      conv_norm_out(register_module("conv_norm_out", ChannelNorm(config.widths.back(), config.norm_groups, device))),
      conv_out(register_module("conv_out", CausalConv(ConvShape{.in = config.widths.back(),
                                                                .out = 2 * config.latent_channels,
                                                                .time_taps = config.time_taps},
                                                      device))) {
  for (int64_t level = 0; level < level_count(config); ++level)
    down_blocks->push_back(DownBlock(config, level, device));
}

at::Tensor VaeEncoderImpl::forward(const at::Tensor& x) const {
  const bool video = x.dim() == 5;
  at::Tensor h = conv_in->forward(video ? fold_time(x) : x);
  for (size_t level = 0; level < down_blocks->size(); ++level) {
    const auto block = down_blocks->ptr<DownBlockImpl>(level);
    for (size_t layer = 0; layer < block->resnets->size(); ++layer) {
      h = block->resnets->ptr<ResidualBlockImpl>(layer)->forward(h);
    }
    if (level == 1 && video) h = unfold_time(h, x.size(2));
    if (block->downsamplers) h = block->downsamplers->ptr<ResizeImpl>(0)->conv->forward(h);
  }
  return conv_out->forward(conv_norm_out->forward(mid_block->forward(h)));
}

VaeDecoderImpl::VaeDecoderImpl(const VaeConfig& config, at::Device device)
    : up_blocks(register_module("up_blocks", torch::nn::ModuleList())),
      conv_in(register_module("conv_in", CausalConv(ConvShape{.in = config.latent_channels,
                                                              .out = config.widths.back(),
                                                              .time_taps = config.time_taps},
                                                    device))),
      mid_block(
          register_module("mid_block", MidBlock(config.widths.back(), config.norm_groups, config.time_taps, device))),
      conv_norm_out(register_module("conv_norm_out", ChannelNorm(config.widths.front(), config.norm_groups, device))),
      conv_out(register_module("conv_out", CausalConv(ConvShape{.in = config.widths.front(),
                                                                .out = 3 * config.patch * config.patch,
                                                                .time_taps = config.time_taps},
                                                      device))) {
  for (int64_t level = level_count(config) - 1; level >= 0; --level)
    up_blocks->push_back(UpBlock(config, level, device));
}

at::Tensor VaeDecoderImpl::forward(const at::Tensor& latents) const {
  at::Tensor h = mid_block->forward(conv_in->forward(latents));
  for (size_t i = 0; i < up_blocks->size(); ++i) {
    const auto block = up_blocks->ptr<UpBlockImpl>(i);
    for (size_t layer = 0; layer < block->resnets->size(); ++layer) {
      h = block->resnets->ptr<ResidualBlockImpl>(layer)->forward(h);
    }
    if (block->upsamplers) h = block->upsample(h);
  }
  return conv_out->forward(conv_norm_out->forward(h));
}

at::Tensor LatentMoments::sample(const at::Tensor& noise) const { return mean + at::exp(0.5 * log_variance) * noise; }

CausalVaeImpl::CausalVaeImpl(const VaeConfig& vae_config, at::Device device)
    : config((check(vae_config), vae_config)),
      encoder(register_module("encoder", VaeEncoder(config, device))),
      decoder(register_module("decoder", VaeDecoder(config, device))),
      quant_conv(register_module("quant_conv", CausalConv(ConvShape{.in = 2 * config.latent_channels,
                                                                    .out = 2 * config.latent_channels,
                                                                    .kernel = 1,
                                                                    .time_taps = single_tap(config.time_taps)},
                                                          device))),
      post_quant_conv(
          register_module("post_quant_conv", CausalConv(ConvShape{.in = config.latent_channels,
                                                                  .out = config.latent_channels,
                                                                  .kernel = 1,
                                                                  .time_taps = single_tap(config.time_taps)},
                                                        device))) {}

LatentMoments CausalVaeImpl::encode(const at::Tensor& frames) const {
  TORCH_CHECK_VALUE(frames.dim() == 4 || frames.dim() == 5, "[CausalVae::encode] frames are [B, 3, (T,) H, W], got ",
                    frames.sizes());
  TORCH_CHECK_VALUE(
      frames.size(1) == 3 && frames.size(-1) % config.stride() == 0 && frames.size(-2) % config.stride() == 0,
      "[CausalVae::encode] frames have 3 channels and sides that are multiples of ", config.stride(), ", got ",
      frames.sizes());
  if (frames.dim() == 5) config.latents_of(frames.size(2));
  const at::Tensor pixels = gather_pixels(frames, config.patch);
  const auto encode_tile = [&](const at::Tensor& x) { return quant_conv->forward(encoder->forward(lay_out(x))); };
  const at::Tensor moments = over_time(pixels, config, config.time_stride(), encode_tile);
  const auto parts = moments.to(at::promote_types(at::kFloat, moments.scalar_type())).chunk(2, 1);
  return {parts[0], parts[1].clamp(-30, 20)};
}

at::Tensor CausalVaeImpl::decode(const at::Tensor& latents) const {
  TORCH_CHECK_VALUE((latents.dim() == 4 || latents.dim() == 5) && latents.size(1) == config.latent_channels,
                    "[CausalVae::decode] latents are [B, ", config.latent_channels, ", (T,) h, w], got ",
                    latents.sizes());
  if (latents.dim() == 5) config.frames_of(latents.size(2));
  const auto decode_tile = [&](const at::Tensor& z) { return decoder->forward(post_quant_conv->forward(lay_out(z))); };
  return scatter_pixels(over_time(latents, config, 1, decode_tile), config.patch);
}

at::Tensor CausalVaeImpl::normalize(const at::Tensor& latents) const {
  if (config.latent_mean.empty()) return latents * config.scaling_factor;
  return (latents - statistic(config.latent_mean, latents)) / statistic(config.latent_deviation, latents);
}

at::Tensor CausalVaeImpl::denormalize(const at::Tensor& latents) const {
  if (config.latent_mean.empty()) return latents / config.scaling_factor;
  return latents * statistic(config.latent_deviation, latents) + statistic(config.latent_mean, latents);
}

}  // namespace physgen
