#pragma once

#include <cstdint>
#include <span>

namespace at {
class Tensor;
}

namespace physgen {

/// How far frames are changed at random, so that few demonstrations go further.
struct FrameAugmentationConfig {
  int64_t shift = 6;        ///< pixels at most, up, down, left and right
  double brightness = 0.1;  ///< added to values in [-1, 1], at most
  double contrast = 0.1;    ///< values are multiplied by 1 ± this, at most
  double saturation = 0.1;  ///< distances from grey are multiplied by 1 ± this, at most
};

template <class Field>
void describe(FrameAugmentationConfig& config, Field& field) {
  field("shift", config.shift, {.least = 0, .most = 1024});
  field("brightness", config.brightness, {.least = 0, .most = 1});
  field("contrast", config.contrast, {.least = 0, .most = 1});
  field("saturation", config.saturation, {.least = 0, .most = 1});
}

/// One change, of all frames of a clip alike. The defaults change nothing.
struct FrameAugmentation {
  int64_t down = 0;   ///< pixels by which the picture moves
  int64_t right = 0;  ///< pixels by which the picture moves
  double brightness = 0;
  double contrast = 1;
  double saturation = 1;
};

/// A change drawn at random: a pure function of the seed.
FrameAugmentation draw_augmentation(const FrameAugmentationConfig& config, uint64_t seed);

/// The frames moved, the edges repeated into what they leave. @param frames  [B, T, C, H, W]; one change a clip
at::Tensor shift_frames(const at::Tensor& frames, std::span<const FrameAugmentation> changes);

/// The frames in other colours. @param frames  [B, T, 3, H, W] floating, in [-1, 1] and so the result
at::Tensor change_colours(const at::Tensor& frames, std::span<const FrameAugmentation> changes);

/// Both.
at::Tensor augment(const at::Tensor& frames, std::span<const FrameAugmentation> changes);

}  // namespace physgen
