#pragma once

#include <cstdint>
#include <vector>

#include <physgen/media/image.h>

namespace physgen {

/// Bilinear with antialiasing (a triangle filter as wide as the pixels it merges), as Pillow's BILINEAR. Throws
/// ConfigError for a size below 1 and an empty picture.
Image resize(const Image& image, int64_t height, int64_t width);

/// The part of a picture that begins at (top, left). Throws ConfigError where it is empty or not all inside.
Image crop(const Image& image, int64_t top, int64_t left, int64_t height, int64_t width);

/// A picture turned by 180 degrees.
Image turned_around(const Image& image);

/// The pictures from left to right, tops aligned, with `gap` white pixels between them; shorter ones get white below.
Image side_by_side(const std::vector<Image>& images, int64_t gap = 0);

/// The pictures from top to bottom, left edges aligned, with `gap` white pixels between them; narrower ones get white
/// to their right.
Image stack_vertically(const std::vector<Image>& images, int64_t gap = 0);

}  // namespace physgen
