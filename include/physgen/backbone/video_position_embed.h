#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/normalization.h>

#include <physgen/layers/table_cache.h>

namespace physgen {

/// The learned part of absolute positions in time: LN(time_proj(sin-cos)).
/// Reference: diffnext/models/embeddings.py VideoPosEmbed.
class VideoPositionEmbedImpl : public torch::nn::Module {
 public:
  explicit VideoPositionEmbedImpl(int64_t width);

  /// Of the frames [first, first + count) that are predicted.
  /// @param stretch  time units a frame
  /// @return [count, width]
  at::Tensor forward(int64_t first, int64_t count, double stretch);

  torch::nn::LayerNorm norm;
  torch::nn::Sequential time_proj;

 private:
  TableCache tables_;
};
TORCH_MODULE(VideoPositionEmbed);

}  // namespace physgen
