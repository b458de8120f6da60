#pragma once

#include <physgen/backbone/diffusion_mlp.h>
#include <physgen/backbone/mask_embed.h>
#include <physgen/backbone/motion_embed.h>
#include <physgen/backbone/nova_config.h>
#include <physgen/backbone/text_embed.h>
#include <physgen/backbone/video_position_embed.h>
#include <physgen/backbone/vision_transformer.h>
#include <physgen/layers/table_cache.h>

namespace physgen {

/// The autoregressive video backbone (arXiv 2412.14169): a causal transformer over frames, a masked frame decoder and a
/// diffusion MLP. Modules and tensors are named as in the published checkpoints.
/// Reference: diffnext/models/transformers/transformer_nova.py.
class NovaImpl : public torch::nn::Module {
 public:
  explicit NovaImpl(const NovaConfig& config);

  /// The prefix of a sequence: text tokens, then the motion tokens where the config appends them. [B, P, C]
  at::Tensor embed_prefix(const TextFeatures& text, int64_t batch, const Motion& motion = {});

  /// Frames as tokens of the causal transformer, without time. @param patches  [..., M, values]  @return [..., M, C]
  at::Tensor embed_frames(const at::Tensor& patches);

  /// What stands before the first frame, without time. [M, C]
  at::Tensor begin_of_video() const;

  /// Embeddings of the time indices [first, first + count), [count, C]; zero with rotary positions.
  /// @param frames  of the clip, which is stretched to `time_base`; 0: as `time_frames` says
  at::Tensor embed_time(int64_t first, int64_t count, int64_t frames = 0);

  /// The frame decoder's outputs for frames of which some patches are known.
  /// @param patches    [F, N, values]  @param condition  [F, M, C], outputs of the causal transformer
  /// @return [F, N, C], conditions of the diffusion MLP
  at::Tensor complete_frames(const at::Tensor& patches, const FrameMask& mask, const at::Tensor& condition);

  /// Empty caches of the causal transformer, one a block. @param length  most positions
  std::vector<KvCache> make_caches(int64_t batch, int64_t length) const;

  const NovaConfig& config() const { return config_; }

  VisionTransformer video_encoder, image_encoder;
  DiffusionMlp image_decoder;
  MaskEmbed mask_embed;
  TextEmbed text_embed;
  VideoPositionEmbed video_pos_embed{nullptr};
  MotionEmbed motion_embed{nullptr};

 private:
  at::Tensor grid_places(int64_t rows, int64_t columns, const at::TensorOptions& options) const;
  at::Tensor with_places(const at::Tensor& tokens) const;
  RotaryTable image_rotary(const at::TensorOptions& options) const;

  NovaConfig config_;
  TableCache tables_;
};
TORCH_MODULE(Nova);

/// Positions (t, h, w) of a frame's tokens, [height width, 3].
at::Tensor grid_positions(int64_t time, int64_t height, int64_t width);

}  // namespace physgen
