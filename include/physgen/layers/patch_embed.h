#pragma once

#include <torch/nn/modules/conv.h>

namespace physgen {

/// Cuts [B, C, H, W] into tokens of p x p values: [B, N, p p C], N row-major, values in the order (ph, pw, c).
/// Reference: diffnext/models/embeddings.py PatchEmbed.patchify.
at::Tensor patchify(const at::Tensor& x, int64_t patch);

/// The inverse of `patchify`. @param height, width  of the result, in values
at::Tensor unpatchify(const at::Tensor& patches, int64_t patch, int64_t height, int64_t width);

/// One token a patch: a convolution whose kernel and stride are the patch.
/// Reference: diffnext/models/embeddings.py PatchEmbed.
class PatchEmbedImpl : public torch::nn::Module {
 public:
  PatchEmbedImpl(int64_t channels, int64_t width, int64_t patch);

  /// patches [..., p p C] as `patchify` gives them -> [..., width]
  at::Tensor forward(const at::Tensor& patches) const;

  torch::nn::Conv2d proj;
};
TORCH_MODULE(PatchEmbed);

}  // namespace physgen
