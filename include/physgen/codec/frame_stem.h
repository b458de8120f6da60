#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <physgen/backbone/nova_config.h>
#include <physgen/layers/table_cache.h>

namespace physgen {

/// What a patch's embedding alone does not tell a small model: three convolutions over a frame's latents, whose
/// features are added to the frame's tokens patch by patch, and where in each view each feature is, added to all of
/// them. A feature's place is the mean place under its softmax (Finn et al., "Deep spatial autoencoders", 2016).
class FrameStemImpl : public torch::nn::Module {
 public:
  /// @param channels  features
  /// @param views     pictures that lie side by side in a frame, a divisor of the latents' width
  FrameStemImpl(const NovaConfig& nova, int64_t channels, int64_t views);

  /// @param patches  [B, P, M, values] of frames, as `patchify` with the video patch gives them
  /// @return what is added to their tokens, [B, P, M, C]
  at::Tensor forward(const at::Tensor& patches);

  /// @param features  [n, channels, h, w] @return x and y of each in each view, -1 to 1, [n, channels views 2] float32
  at::Tensor places(const at::Tensor& features) const;

  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr}, conv3{nullptr};
  torch::nn::Linear patch_proj{nullptr}, place_proj{nullptr};

 private:
  int64_t patch_, height_, width_, views_;
  TableCache tables_;
};
TORCH_MODULE(FrameStem);

}  // namespace physgen
