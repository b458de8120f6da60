#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace physgen {

/// An RGB picture: uint8, row-major, [height, width, 3].
struct Image {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> pixels;

  bool operator==(const Image&) const = default;
};

/// Writes an RGB PNG, whole or not at all. Throws Error when the file cannot be written.
void write_png(const std::string& path, const Image& image);

/// Reads a PNG as RGB (grey and palette are expanded, alpha is dropped). Throws FormatError.
Image read_png(const std::string& path);

}  // namespace physgen
