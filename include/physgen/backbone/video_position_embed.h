#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/normalization.h>

namespace physgen {

/// The learned part of absolute positions in time: LN(time_proj(sin-cos)).
/// Reference: diffnext/models/embeddings.py VideoPosEmbed.
class VideoPositionEmbedImpl : public torch::nn::Module {
 public:
  /// @param stretch  time units an index: time_base / time_frames
  VideoPositionEmbedImpl(int64_t width, double stretch);

  /// @param indices  [n]: the index of the frame that is predicted  @return [n, width]
  at::Tensor forward(const at::Tensor& indices);

  torch::nn::LayerNorm norm;
  torch::nn::Sequential time_proj;

 private:
  double stretch_;
};
TORCH_MODULE(VideoPositionEmbed);

}  // namespace physgen
