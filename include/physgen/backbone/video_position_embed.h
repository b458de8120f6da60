#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/normalization.h>

namespace physgen {

/// The learned part of absolute positions in time: LN(time_proj(sin-cos)).
/// Reference: diffnext/models/embeddings.py VideoPosEmbed.
class VideoPositionEmbedImpl : public torch::nn::Module {
 public:
  explicit VideoPositionEmbedImpl(int64_t width);

  /// @param indices  [n]: the index of the frame that is predicted
  /// @param stretch  time units an index
  /// @return [n, width]
  at::Tensor forward(const at::Tensor& indices, double stretch);

  torch::nn::LayerNorm norm;
  torch::nn::Sequential time_proj;
};
TORCH_MODULE(VideoPositionEmbed);

}  // namespace physgen
