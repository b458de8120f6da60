#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace physgen {

/// The kernel of a CausalConv.
struct ConvShape {
  int64_t in = 0;
  int64_t out = 0;
  int64_t kernel = 3;     ///< a side: 1 or 3
  int64_t time_taps = 3;  ///< 0: a 2-D weight [O, I, k, k]; else a 3-D one [O, I, taps, k, k]
  int64_t stride = 1;     ///< 2 halves the frame (and the time of a 3-D weight)
};

/// The taps of a convolution that sees one time beside those of `time_taps`: 1, or 0 where all weights are 2-D.
int64_t single_tap(int64_t time_taps);

/// A convolution that sees the past only: the time before the first frame is that frame repeated, frames are padded
/// with zeros (right and bottom only at stride 2). Of a single frame every tap sees the same picture, so there the taps
/// are summed and the convolution is a 2-D one, exactly. Weights are cast to the dtype of the input. Reference:
/// diffnext/models/autoencoders/autoencoder_kl_opensora.py Conv3d, Resize.
class CausalConvImpl : public torch::nn::Module {
 public:
  explicit CausalConvImpl(const ConvShape& shape, at::Device device = at::kCPU);

  /// [B, C, H, W] (single frames) -> [B, O, H', W'], or [B, C, T, H, W] -> [B, O, T', H', W'] for a 3-D weight.
  at::Tensor forward(const at::Tensor& x) const;

  /// The weight for single frames, [O, I, k, k]: the taps summed.
  at::Tensor frame_weight() const;

  const ConvShape shape;
  at::Tensor weight, bias;
};
TORCH_MODULE(CausalConv);

/// Adds the zeros, right and bottom, that a convolution of stride 2 wants. x [..., H, W] -> [..., H + 1, W + 1]
at::Tensor pad_for_stride(const at::Tensor& x);

/// Twice as high and wide, bilinearly (align_corners false). x [B, C, H, W]
at::Tensor upsample_picture(const at::Tensor& x);
/// The same as sums of shifted pictures, whose gradients on a GPU are the same each time; PyTorch's own are not.
at::Tensor upsample_by_shifts(const at::Tensor& x);

}  // namespace physgen
