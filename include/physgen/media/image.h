#pragma once

#include <cstdint>
#include <span>
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

/// Throws Error for a picture without a pixel, and for one whose bytes are not height x width x 3.
/// @param name  of the picture, for errors
void require_whole(const Image& image, const std::string& name);

/// An RGB PNG file in memory. Throws Error as `require_whole` does.
/// @param name  of the picture, for errors
std::vector<uint8_t> encode_png(const Image& image, const std::string& name);

/// A PNG file in memory as RGB: the file's own samples, whatever it says of gamma and profiles. Those of 16 bits are
/// cut to their high byte, grey and palette are expanded, alpha is dropped. Throws FormatError.
/// @param name  of the picture, for errors
Image decode_png(std::span<const uint8_t> bytes, const std::string& name);

/// A JPEG file in memory as RGB, as libjpeg decodes it (and with it PIL and OpenCV); its orientation is not read.
/// Throws FormatError, for CMYK too.
Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name);

/// Height and width in pixels.
struct PictureSize {
  int64_t height = 0;
  int64_t width = 0;
};

/// What the header of a PNG or a JPEG claims, before anything is decoded. Throws FormatError.
PictureSize picture_size(std::span<const uint8_t> bytes, const std::string& name);

/// A PNG or a JPEG, as its first bytes say. Throws FormatError.
Image decode_picture(std::span<const uint8_t> bytes, const std::string& name);

/// Writes an RGB PNG, whole or not at all. Throws Error when the file cannot be written.
void write_png(const std::string& path, const Image& image);

/// Reads a PNG as `decode_png` does. Throws FormatError.
Image read_png(const std::string& path);

}  // namespace physgen
