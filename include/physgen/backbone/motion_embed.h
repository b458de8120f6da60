#pragma once

#include <torch/nn/modules/container/sequential.h>

namespace physgen {

/// How much moves in a video.
struct Motion {
  double flow = 5;  ///< mean optical flow, about 0 to 50
  double frames_per_second = 12;
};

/// Optical flow and frame rate as two tokens. Reference: diffnext/models/embeddings.py MotionEmbed.
class MotionEmbedImpl : public torch::nn::Module {
 public:
  explicit MotionEmbedImpl(int64_t width);

  /// @return [2, width]: flow, then frames per second
  at::Tensor forward(const Motion& motion);

  torch::nn::Sequential flow_proj, fps_proj;
};
TORCH_MODULE(MotionEmbed);

}  // namespace physgen
