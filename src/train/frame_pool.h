#pragma once

#include <ATen/core/Tensor.h>

#include <physgen/codec/canvas.h>
#include <physgen/data/demonstration_dataset.h>

namespace physgen {

/// Frames of demonstrations in memory, as the canvas that the VAE sees. Episodes are held out whole.
struct FramePool {
  at::Tensor training;  ///< uint8 [N, H, W, 3]
  at::Tensor held_out;  ///< uint8 [M, H, W, 3]
};

/// Reads at most `most` frames, evenly spaced over all episodes. Every 1/held_out-th episode is held out, at least one.
/// Throws ConfigError for fewer than two episodes and for a camera that the dataset lacks.
FramePool read_frames(const DemonstrationDataset& dataset, const CanvasConfig& canvas, double held_out, int64_t most);

}  // namespace physgen
