#pragma once

#include <cstdint>

namespace physgen {

// What a picture file may claim at most, whatever its format.
constexpr uint32_t kMostPixelsPerSide = 32768;
constexpr uint64_t kMostPixels = uint64_t{1} << 28;

}  // namespace physgen
