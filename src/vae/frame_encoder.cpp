#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <physgen/layers/attention.h>
#include <physgen/vae/causal_vae.h>
#include <physgen/vae/frame_encoder.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/amx_conv.h"
#include "kernels/group_norm_silu.h"
#include "vae/quantized_conv.h"

namespace physgen {
namespace {

constexpr double kHalfRange = 127.5;  // a pixel is (byte - 127.5) / 127.5

/// Where the weights of a snapshot live, and which of its convolutions compute in int8.
struct Place {
  at::Device device;
  at::ScalarType dtype;
  const LayerScales& int8;
  const LayerWatch& watch;
};

struct FoldedNorm {
  FoldedNorm(const ChannelNorm& norm, const Place& place)
      : weight(norm->weight.detach().to(place.device, at::kFloat).clone()),
        bias(norm->bias.detach().to(place.device, at::kFloat).clone()),
        groups(norm->groups) {}

  at::Tensor operator()(const at::Tensor& x, bool silu = true, const at::Tensor& offset = {}) const {
    return group_norm_silu(x, groups, weight, bias, silu, offset);
  }

  GroupNormTerms terms(const at::Tensor& x) const { return group_norm_terms(x, groups, weight, bias); }

  at::Tensor weight, bias;
  int64_t groups;
};

struct FoldedConv {
  FoldedConv(const at::Tensor& kernel, const at::Tensor& offset, int64_t conv_stride, const Place& place)
      : weight(kernel.detach().to(place.device, place.dtype).contiguous(at::MemoryFormat::ChannelsLast)),
        bias(offset.detach().to(place.device, place.dtype).clone()),
        stride(conv_stride) {
    if (AmxConv::fits(weight)) amx.emplace(weight, bias, stride);
  }
  FoldedConv(const CausalConv& conv, const Place& place)
      : FoldedConv(conv->frame_weight().clone(), conv->bias, conv->shape.stride, place) {}

  at::Tensor operator()(const at::Tensor& x) const { return run(x, bias); }
  at::Tensor without_bias(const at::Tensor& x) const { return run(x, {}); }

  at::Tensor run(const at::Tensor& x, const at::Tensor& offset) const {
    if (offset.defined() && amx && amx->takes(x)) return amx->forward(x);
    if (stride == 2) return at::conv2d(pad_for_stride(x), weight, offset, stride);
    return at::conv2d(x, weight, offset, stride, weight.size(2) / 2);
  }

  at::Tensor weight, bias;
  int64_t stride;
  std::optional<AmxConv> amx;  // of frames that it takes
};

/// A norm with SiLU and the convolution of what it gives, which may be bytes.
struct FoldedPair {
  /// @param module  the convolution's name
  FoldedPair(const ChannelNorm& channel_norm, const CausalConv& module, std::string module_name, const Place& place)
      : norm(channel_norm, place), conv(module, place), name(std::move(module_name)), watch(place.watch) {
    const auto scale = place.int8.find(name);
    if (scale == place.int8.end()) return;
    int8.emplace(module->frame_weight(), module->bias, scale->second, place.dtype);
    conv.amx.reset();  // it is not computed
  }

  at::Tensor operator()(const at::Tensor& x) const {
    if (const AmxConv* amx = amx_of(x)) return amx->forward(x, norm.terms(x));
    if (int8) return (*int8)(bytes(x, int8->input()));
    const at::Tensor input = norm(x);
    at::Tensor y = conv(input);
    if (watch) watch({name, input, y, [&](const ByteScale& scale) { return in_int8(input, scale); }});
    return y;
  }
  /// Of x, and `sum` added, which may be overwritten.
  at::Tensor added(const at::Tensor& x, const at::Tensor& sum) const {
    if (const AmxConv* amx = amx_of(x)) {
      return amx->forward(x, norm.terms(x), sum.contiguous(at::MemoryFormat::ChannelsLast));
    }
    return int8 ? int8->added(bytes(x, int8->input()), sum) : (*this)(x).add_(sum);
  }

  // That computes the norm, too, where it takes x and nobody watches; or null.
  const AmxConv* amx_of(const at::Tensor& x) const {
    const std::optional<AmxConv>& amx = int8 ? int8->amx() : conv.amx;
    const bool is_watched = watch && !int8;
    return amx && !is_watched && x.is_contiguous(at::MemoryFormat::ChannelsLast) && amx->takes(x) ? &*amx : nullptr;
  }

  at::Tensor bytes(const at::Tensor& x, const ByteScale& scale) const {
    return group_norm_silu_bytes(x, norm.groups, norm.weight, norm.bias, scale);
  }
  at::Tensor in_int8(const at::Tensor& input, const ByteScale& scale) const {
    return QuantizedConv(conv.weight, conv.bias, scale, input.scalar_type())(to_bytes(input, scale));
  }

  FoldedNorm norm;
  FoldedConv conv;
  std::string name;
  LayerWatch watch;
  std::optional<QuantizedConv> int8;
};

struct FoldedBlock {
  FoldedBlock(const ResidualBlockImpl& block, const Place& place, const std::string& name)
      : first(block.norm1, block.conv1, name + ".conv1", place),
        second(block.norm2, block.conv2, name + ".conv2", place) {
    if (!block.conv_shortcut.is_empty()) shortcut.emplace(block.conv_shortcut, place);
    inner = first.conv.bias.to(at::kFloat);
    outer = shortcut ? second.conv.bias.to(at::kFloat) + shortcut->bias : second.conv.bias.to(at::kFloat);
  }

  at::Tensor operator()(const at::Tensor& x) const {
    if (x.is_cuda()) return with_biases_later(x);
    return second.added(first(x), shortcut ? (*shortcut)(x) : x);
  }

  // cuDNN's convolutions leave the bias to a pass of its own, which what comes next can save.
  at::Tensor with_biases_later(const at::Tensor& x) const {
    const at::Tensor h = second.norm(first.conv.without_bias(first.norm(x)), /*silu=*/true, inner);
    return add_offset(second.conv.without_bias(h), outer, shortcut ? shortcut->without_bias(x) : x);
  }

  FoldedPair first, second;
  std::optional<FoldedConv> shortcut;
  at::Tensor inner, outer;  // the biases of the first convolution, and of all that ends in the sum
};

/// Query, key and value as one matrix.
struct FoldedAttention {
  FoldedAttention(const FrameAttentionImpl& attention, const Place& place) : norm(attention.group_norm, place) {
    const auto move = [&](const at::Tensor& x) { return x.detach().to(place.device, place.dtype).clone(); };
    const auto out = attention.to_out->ptr<ProjectionImpl>(0);
    weight = move(at::cat({attention.to_q->weight, attention.to_k->weight, attention.to_v->weight}));
    bias = move(at::cat({attention.to_q->bias, attention.to_k->bias, attention.to_v->bias}));
    out_weight = move(out->weight);
    out_bias = move(out->bias);
  }

  at::Tensor operator()(const at::Tensor& x) const {
    const at::Tensor tokens =
        norm(x, /*silu=*/false).permute({0, 2, 3, 1}).flatten(1, 2).unsqueeze(1);  // [B, 1, h w, C]
    const auto parts = at::linear(tokens, weight, bias).chunk(3, -1);
    const at::Tensor seen = x.is_cpu() ? at::scaled_dot_product_attention(parts[0], parts[1], parts[2])
                                       : attend_by_products(parts[0], parts[1], parts[2]);  // a head is too wide there
    const at::Tensor out = at::linear(seen, out_weight, out_bias).squeeze(1);
    return out.unflatten(1, {x.size(2), x.size(3)}).permute({0, 3, 1, 2}) + x;
  }

  FoldedNorm norm;
  at::Tensor weight, bias, out_weight, out_bias;
};

/// The first convolution, for bytes less 127.5 gathered by patch. On GPUs zeros fill the channels up to a number that
/// their matrix units take.
FoldedConv fold_input(const CausalConv& conv, const Place& place) {
  constexpr int64_t kGpuChannels = 8;
  const at::Tensor weight = conv->frame_weight() / kHalfRange;
  const int64_t missing = place.device.is_cuda() ? (kGpuChannels - weight.size(1) % kGpuChannels) % kGpuChannels : 0;
  return {at::constant_pad_nd(weight, {0, 0, 0, 0, 0, missing}), conv->bias, 1, place};
}

/// The last convolution, the mean's half of the quantisation and the latent normalisation in one.
FoldedConv fold_output(const CausalVae& vae, const Place& place) {
  const int64_t channels = vae->config.latent_channels;
  const auto options = at::TensorOptions(vae->quant_conv->bias.device()).dtype(at::kDouble);
  const at::Tensor zero = at::zeros({1, channels, 1, 1}, options);
  const at::Tensor shift = vae->normalize(zero).flatten();                         // of the normalisation, [C]
  const at::Tensor scale = vae->normalize(at::ones_like(zero)).flatten() - shift;  // [C]
  const at::Tensor mix = vae->quant_conv->frame_weight().narrow(0, 0, channels).flatten(1).to(at::kDouble) *
                         scale.unsqueeze(1);                                         // [C, 2 C]
  const at::Tensor kernel = vae->encoder->conv_out->frame_weight().to(at::kDouble);  // [2 C, W, 3, 3]
  const at::Tensor bias = at::mv(mix, vae->encoder->conv_out->bias.to(at::kDouble)) +
                          vae->quant_conv->bias.narrow(0, 0, channels).to(at::kDouble) * scale + shift;
  return {at::mm(mix, kernel.flatten(1)).view({channels, kernel.size(1), kernel.size(2), kernel.size(3)}), bias, 1,
          place};
}

}  // namespace

struct FrameEncoder::Weights {
  Weights(const CausalVae& vae, const Place& place)
      : device(place.device),
        dtype(place.dtype),
        patch(vae->config.patch),
        stride(vae->config.stride()),
        conv_in(fold_input(vae->encoder->conv_in, place)),
        before(*vae->encoder->mid_block->resnets->ptr<ResidualBlockImpl>(0), place, "encoder.mid_block.resnets.0"),
        attention(*vae->encoder->mid_block->attentions->ptr<FrameAttentionImpl>(0), place),
        after(*vae->encoder->mid_block->resnets->ptr<ResidualBlockImpl>(1), place, "encoder.mid_block.resnets.1"),
        norm_out(vae->encoder->conv_norm_out, place),
        conv_out(fold_output(vae, place)) {
    for (size_t level = 0; level < vae->encoder->down_blocks->size(); ++level) {
      const auto block = vae->encoder->down_blocks->ptr<DownBlockImpl>(level);
      const std::string name = "encoder.down_blocks." + std::to_string(level);
      auto& stage = blocks.emplace_back();
      for (size_t layer = 0; layer < block->resnets->size(); ++layer) {
        stage.emplace_back(*block->resnets->ptr<ResidualBlockImpl>(layer), place,
                           name + ".resnets." + std::to_string(layer));
      }
      if (block->downsamplers) downsamplers.emplace_back(block->downsamplers->ptr<ResizeImpl>(0)->conv, place);
    }
  }

  at::Device device;
  at::ScalarType dtype;
  int64_t patch, stride;
  FoldedConv conv_in;
  std::vector<std::vector<FoldedBlock>> blocks;  // a list a level
  std::vector<FoldedConv> downsamplers;
  FoldedBlock before;
  FoldedAttention attention;
  FoldedBlock after;
  FoldedNorm norm_out;
  FoldedConv conv_out;
};

FrameEncoder::FrameEncoder(const CausalVae& vae, at::Device device, at::ScalarType dtype, const LayerScales& int8,
                           const LayerWatch& watch) {
  const at::NoGradGuard no_gradient;
  weights_ = std::make_shared<const Weights>(vae, Place{device, dtype, int8, watch});
}

at::Tensor FrameEncoder::encode(const at::Tensor& frames) const {
  const Weights& weights = *weights_;
  TORCH_CHECK_VALUE(frames.dim() == 4 && frames.size(3) == 3 && frames.scalar_type() == at::kByte &&
                        frames.size(1) % weights.stride == 0 && frames.size(2) % weights.stride == 0,
                    "[FrameEncoder] frames are uint8 [B, H, W, 3] with sides that are multiples of ", weights.stride,
                    ", got ", frames.scalar_type(), " ", frames.sizes());
  const at::NoGradGuard no_gradient;
  const int64_t p = weights.patch, height = frames.size(1) / p, width = frames.size(2) / p;
  at::Tensor x = frames.to(weights.device)
                     .reshape({frames.size(0), height, p, width, p, 3})
                     .permute({0, 1, 3, 5, 2, 4})
                     .flatten(3);            // [B, H/p, W/p, 3 p p]
  x = x.to(weights.dtype).sub_(kHalfRange);  // halves up to 127.5 are exact in bfloat16
  const int64_t missing = weights.conv_in.weight.size(1) - x.size(3);
  if (missing > 0) x = at::constant_pad_nd(x, {0, missing});
  x = weights.conv_in(x.permute({0, 3, 1, 2}));
  for (size_t level = 0; level < weights.blocks.size(); ++level) {
    for (const FoldedBlock& block : weights.blocks[level]) x = block(x);
    if (level < weights.downsamplers.size()) x = weights.downsamplers[level](x);
  }
  x = weights.after(weights.attention(weights.before(x)));
  return weights.conv_out(weights.norm_out(x)).to(at::kFloat).contiguous();
}

std::vector<std::string> int8_layers(const CausalVae& vae) {
  std::vector<std::string> names;
  for (const auto& module : vae->encoder->named_modules("encoder", /*include_self=*/false)) {
    const auto* conv = module.value()->as<CausalConvImpl>();
    const bool is_after_norm = module.key().ends_with(".conv1") || module.key().ends_with(".conv2");
    if (conv && is_after_norm) names.push_back(module.key());
  }
  return names;
}

}  // namespace physgen
