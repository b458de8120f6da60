#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include <physgen/media/image.h>

namespace physgen {

/// uint8 [B, H, W, 3] -> float32 [B, 3, H, W] in [-1, 1]: (x - 127.5) / 127.5.
at::Tensor pixels_to_values(const at::Tensor& frames);

/// [B, 3, H, W], clipped to [-1, 1] -> uint8 [B, H, W, 3], rounded.
at::Tensor values_to_pixels(const at::Tensor& values);

/// A picture's own pixels as uint8 [H, W, 3]: not to be written to, and gone with the picture.
at::Tensor view_of(const Image& image);

/// uint8 [B, H, W, 3] as pictures.
std::vector<Image> to_images(const at::Tensor& frames);

}  // namespace physgen
