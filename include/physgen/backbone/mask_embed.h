#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace physgen {

/// The learned tokens for what is not there: the begin of a video and a masked patch.
/// Reference: diffnext/models/embeddings.py MaskEmbed.
class MaskEmbedImpl : public torch::nn::Module {
 public:
  explicit MaskEmbedImpl(int64_t width);

  /// x where known, else the mask token. @param x  [F, N, C]  @param unknown  [F, N] bool
  at::Tensor forward(const at::Tensor& x, const at::Tensor& unknown) const;

  at::Tensor bos_token, mask_token;  ///< [1, C]
};
TORCH_MODULE(MaskEmbed);

/// Which patches of a frame the decoder is shown, as in training: a share 1 - r of them at random,
/// r ~ N(1, 0.25) truncated to [0.7, 1], one r a call.
struct FrameMask {
  at::Tensor known_ids;  ///< [F, n] int64
  at::Tensor unknown;    ///< [F, N] bool
};
/// @param uniform  one number in [0, 1) that r is drawn with  @param order  [F, N] uniform numbers
FrameMask draw_frame_mask(double uniform, const at::Tensor& order);

}  // namespace physgen
