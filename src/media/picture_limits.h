#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <physgen/media/image.h>

namespace physgen {

// What a picture file may claim at most, whatever its format.
constexpr uint32_t kMostPixelsPerSide = 32768;
constexpr uint64_t kMostPixels = uint64_t{1} << 28;

/// What a PNG's header says. Throws FormatError.
PictureSize png_size(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace physgen
