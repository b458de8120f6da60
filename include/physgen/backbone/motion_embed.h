#pragma once

#include <torch/nn/modules/container/sequential.h>

namespace physgen {

/// Optical flow and frame rate as two tokens. Reference: diffnext/models/embeddings.py MotionEmbed.
class MotionEmbedImpl : public torch::nn::Module {
 public:
  explicit MotionEmbedImpl(int64_t width);

  /// @return [2, width]: flow, then frames per second
  at::Tensor forward(double flow = 5, double frames_per_second = 12);

  torch::nn::Sequential flow_proj, fps_proj;
};
TORCH_MODULE(MotionEmbed);

}  // namespace physgen
