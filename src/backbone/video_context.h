#pragma once

#include <physgen/backbone/nova.h>

namespace physgen {

/// The causal transformer over the frames of a clip, one by one: each frame's tokens are added to the keys and values
/// of those before it. Reference: diffnext/models/transformers/transformer_3d.py generate_video.
class VideoContext {
 public:
  /// @param prefix  text and motion tokens, [B, P, C]
  /// @param frames  of the whole clip: what times are stretched by
  VideoContext(Nova nova, at::Tensor prefix, int64_t frames);

  /// The condition of the next frame, [B, M, C].
  /// @param previous  the normalised latent of the frame before it, [1, channels, h, w]; not read at the first call
  at::Tensor next(const at::Tensor& previous = {});

 private:
  Nova nova_;
  at::Tensor prefix_;
  int64_t frames_, done_ = 0;
  std::vector<KvCache> caches_;
  at::Tensor anchor_;  // the first frame's outputs
};

/// The outputs of the causal transformer for all frames of a clip at once, through the mask under which a token sees
/// its own frame and those before it; the prefix belongs to the first frame.
/// @param latents  [B, channels, T, h, w], normalised  @param prefix  [B, P, C]
/// @return [B, T, M, C], not mixed
/// Reference: diffnext/models/transformers/transformer_3d.py train_video, embeddings.py MaskEmbed.get_attn_mask.
at::Tensor encode_clip(Nova& nova, const at::Tensor& latents, const at::Tensor& prefix);

/// The conditions of a clip's frames: all but the first scale and shift the first's outputs where there is a mixer.
/// @param outputs  of `encode_clip`  @return the same shape
at::Tensor mix_clip(Nova& nova, const at::Tensor& outputs);

}  // namespace physgen
