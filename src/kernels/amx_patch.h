#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/amx_conv_block.h"
#include "kernels/group_norm_rows.h"

namespace physgen {

/// What is computed of numbers before they are convolved: silu(x scale + shift).
struct AmxNorm {
  const float *scale, *shift;  ///< of each channel; null: nothing
};

/// A piece of a channels-last frame that reaches over its edges. Only where `has_amx`.
template <class Number>
struct AmxPatch {
  const Number* frame;              ///< [height, width, channels]
  int64_t height, width, channels;  ///< channels: whole lines
  int64_t top, left, rows, columns;
  int64_t stride;  ///< 2: each row's even columns are packed before its odd ones
  AmxNorm norm;
};

/// Bytes from a row's plane to the next, from row to row, and from group to group of channels of packed lines.
struct AmxPatchLayout {
  int64_t plane, row, group;
};

/// Lines of one of a row's planes.
inline int64_t patch_lines(int64_t columns, int64_t stride) { return (columns + stride - 1) / stride * stride; }

/// The line of a column in its row.
inline int64_t patch_line(int64_t column, int64_t columns, int64_t stride) {
  return column % stride * (patch_lines(columns, stride) / stride) + column / stride;
}

/// Of lines of this type of number.
template <class Number>
AmxPatchLayout patch_layout(int64_t rows, int64_t columns, int64_t stride) {
  const int64_t plane = patch_lines(columns, stride) * kAmxLine, row = AmxNumber<Number>::kPlanes * plane;
  return {plane, row, rows * row};
}

/// The patch as `AmxConvBlock` reads it: group by group of channels, row by row, plane by plane; zeros beyond the
/// edges.
void pack_patch(const AmxPatch<float>& patch, std::byte* lines);
void pack_patch(const AmxPatch<Bfloat16Bits>& patch, std::byte* lines);
/// As bytes; those of bytes are as they are.
void pack_patch(const AmxPatch<float>& patch, const ByteRounding& bytes, std::byte* lines);
void pack_patch(const AmxPatch<Bfloat16Bits>& patch, const ByteRounding& bytes, std::byte* lines);
void pack_patch(const AmxPatch<uint8_t>& patch, const ByteRounding& bytes, std::byte* lines);

}  // namespace physgen
