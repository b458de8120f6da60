#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/amx.h"

namespace physgen {

// The products of a convolution in AMX's tiles. A line is 64 bytes: a pixel's numbers of so many channels that lie
// beside each other. Only where `has_amx`.

inline constexpr int64_t kAmxLine = 64;
/// Pixels beside each other, and outputs, of which a block makes the sums.
inline constexpr int64_t kAmxPixels = 32, kAmxOutputs = 32;

/// What a block reads. Distances count bytes.
struct AmxConvBlock {
  const std::byte* lines;     ///< of the first pixel under the first tap; those of the pixels beside it follow
  int64_t plane, row, group;  ///< to the pixel's next plane (see `AmxNumber`), row, and group of channels
  const int64_t* taps;        ///< [side], where the taps of a row find their first pixel
  int64_t side, groups;       ///< taps a side, and groups of channels
  const std::byte* weights;   ///< [groups, side, side, planes] tiles of two by 16 lines, each line of one output's
                              ///< weights for a pair (of bytes: four) of channels after the other
};

/// How numbers of a type are multiplied: float32's as the sums of three bfloat16 numbers, with six of the nine products
/// of those, which leaves out less than float32 rounds off (reference: arXiv 1904.06376, section III).
template <class Number>
struct AmxNumber;
template <>
struct AmxNumber<float> {
  using Sum = float;
  static constexpr int64_t kPlanes = 3, kLineChannels = 32;
};
template <>
struct AmxNumber<Bfloat16Bits> {
  using Sum = float;
  static constexpr int64_t kPlanes = 1, kLineChannels = 32;
};
/// In [0, 255]; their weights are in [-127, 127].
template <>
struct AmxNumber<uint8_t> {
  using Sum = int32_t;
  static constexpr int64_t kPlanes = 1, kLineChannels = 64;
};

/// @param sums  [kAmxPixels, kAmxOutputs]
template <class Number>
void convolve_block(const AmxConvBlock& block, typename AmxNumber<Number>::Sum* sums);

/// What becomes of sums: y = sums scale + bias, or y += that.
template <class Sum, class Number>
struct AmxPixels {
  const Sum* sums;
  const float *scale, *bias;  ///< [kAmxOutputs]; scale: of bytes' sums
  Number* y;                  ///< [kAmxPixels, kAmxOutputs]
  int64_t first, stride;      ///< the first pixel that is written, and the distance from pixel to pixel in numbers
  bool adds;
};
void write_pixels(const AmxPixels<float, float>& pixels);
void write_pixels(const AmxPixels<float, Bfloat16Bits>& pixels);
void write_pixels(const AmxPixels<int32_t, float>& pixels);
void write_pixels(const AmxPixels<int32_t, Bfloat16Bits>& pixels);

}  // namespace physgen
