#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "kernels/amx_patch.h"

namespace physgen {

/// The sizes of a convolution.
struct AmxConvSizes {
  int64_t in, out, side, stride;

  /// Zeros left and above.
  int64_t pad() const { return stride == 2 ? 0 : side / 2; }
  /// Of frames of this height or width.
  int64_t output(int64_t input) const { return (input + pad() + (stride == 2 ? 1 : pad()) - side) / stride + 1; }
  /// What this many pixels of a row or column are made of.
  int64_t input(int64_t output) const { return (output - 1) * stride + side; }
};

/// A row's blocks of pixels; the last one begins where it ends with the row.
struct AmxRowBlocks {
  int64_t width;
  int64_t count() const { return (width + kAmxPixels - 1) / kAmxPixels; }
  int64_t begin(int64_t block) const { return std::min(block * kAmxPixels, width - kAmxPixels); }
  /// Its first pixel that is in no block before it.
  int64_t first(int64_t block) const { return block * kAmxPixels - begin(block); }
};

/// What all frames of a size are convolved with.
struct AmxConvWork {
  AmxConvSizes sizes;
  int64_t height, width;      ///< of the frames
  const std::byte* weights;   ///< [out / 32] as `AmxConvBlock`'s
  const float *scale, *bias;  ///< [out]; scale: of bytes
  ByteRounding bytes;         ///< where numbers are multiplied as bytes
  bool adds;                  ///< to what the output is
};

/// A convolution of a frame in tasks that threads share: some rows of some blocks of pixels.
/// @tparam Number  that is multiplied  @tparam Input  of the frames
template <class Number, class Input, class Output>
class AmxConvTasks {
 public:
  AmxConvTasks(const AmxConvWork& work, int64_t threads)
      : work_(work), blocks_{work.sizes.output(work.width)}, height_(work.sizes.output(work.height)) {
    constexpr int64_t kLeastRows = 2, kMostRows = 8, kMostBlocks = 3;
    constexpr int64_t kBytes = 900'000;  // of lines, which share the second cache with the weights of 32 outputs
    task_blocks_ = std::min(blocks_.count(), kMostBlocks);
    const int64_t row_bytes = groups() * Type::kPlanes * kAmxLine * work.sizes.input(task_blocks_ * kAmxPixels);
    const int64_t rows = std::clamp(kBytes / (row_bytes * work.sizes.stride) - 2, kLeastRows, kMostRows);
    task_rows_ = std::min(rows, (height_ * across() + threads - 1) / threads);
  }

  int64_t count() const { return (height_ + task_rows_ - 1) / task_rows_ * across(); }

  /// Memory that a task needs.
  int64_t line_bytes() const {
    const AmxConvSizes& sizes = work_.sizes;
    const int64_t columns = sizes.input(task_blocks_ * kAmxPixels);
    return groups() * patch_layout<Number>(sizes.input(task_rows_), columns, sizes.stride).group;
  }

  /// @param x  [height, width, in]  @param y  [height', width', out]
  void run(int64_t task, const Input* x, const AmxNorm& norm, Output* y, std::byte* lines) const {
    const int64_t row = task / across() * task_rows_, block = task % across() * task_blocks_;
    const Piece piece = {row, std::min(row + task_rows_, height_), block,
                         std::min(block + task_blocks_, blocks_.count())};
    const AmxPatchLayout layout = pack(piece, x, norm, lines);
    for (int64_t out = 0; out < work_.sizes.out; out += kAmxOutputs) {
      for (int64_t i = piece.row; i < piece.row_end; ++i) convolve_row(piece, i, out, layout, lines, y);
    }
  }

 private:
  using Type = AmxNumber<Number>;
  using Sum = Type::Sum;

  struct Piece {
    int64_t row, row_end, block, block_end;
  };

  int64_t groups() const { return work_.sizes.in / Type::kLineChannels; }
  int64_t across() const { return (blocks_.count() + task_blocks_ - 1) / task_blocks_; }
  int64_t columns(const Piece& piece) const {
    return work_.sizes.input(blocks_.begin(piece.block_end - 1) + kAmxPixels - blocks_.begin(piece.block));
  }

  AmxPatchLayout pack(const Piece& piece, const Input* x, const AmxNorm& norm, std::byte* lines) const {
    const AmxConvSizes& sizes = work_.sizes;
    const AmxPatch<Input> patch = {.frame = x,
                                   .height = work_.height,
                                   .width = work_.width,
                                   .channels = sizes.in,
                                   .top = piece.row * sizes.stride - sizes.pad(),
                                   .left = blocks_.begin(piece.block) * sizes.stride - sizes.pad(),
                                   .rows = sizes.input(piece.row_end - piece.row),
                                   .columns = columns(piece),
                                   .stride = sizes.stride,
                                   .norm = norm};
    if constexpr (std::is_same_v<Number, uint8_t>) {
      pack_patch(patch, work_.bytes, lines);
    } else {
      pack_patch(patch, lines);
    }
    return patch_layout<Number>(patch.rows, patch.columns, patch.stride);
  }

  void convolve_row(const Piece& piece, int64_t row, int64_t out, const AmxPatchLayout& layout, const std::byte* lines,
                    Output* y) const {
    const AmxConvSizes& sizes = work_.sizes;
    std::array<int64_t, 3> taps{};
    for (int64_t i = 0; i < sizes.side; ++i) taps[i] = patch_line(i, columns(piece), sizes.stride) * kAmxLine;
    AmxConvBlock block = {.lines = nullptr,
                          .plane = layout.plane,
                          .row = layout.row,
                          .group = layout.group,
                          .taps = taps.data(),
                          .side = sizes.side,
                          .groups = groups(),
                          .weights = work_.weights + out * sizes.in * sizes.side * sizes.side * kWeightBytes};
    alignas(kAmxLine) std::array<Sum, kAmxPixels * kAmxOutputs> sums;
    for (int64_t i = piece.block; i < piece.block_end; ++i) {
      const int64_t left = blocks_.begin(i) - blocks_.begin(piece.block);
      block.lines = lines + (row - piece.row) * sizes.stride * layout.row + left * kAmxLine;
      convolve_block<Number>(block, sums.data());
      Output* const to = y + (row * blocks_.width + blocks_.begin(i)) * sizes.out + out;
      write_pixels(AmxPixels<Sum, Output>{sums.data(), work_.scale ? work_.scale + out : nullptr, work_.bias + out, to,
                                          blocks_.first(i), sizes.out, work_.adds});
    }
  }

  static constexpr int64_t kWeightBytes = Type::kPlanes * kAmxLine / Type::kLineChannels;

  AmxConvWork work_;
  AmxRowBlocks blocks_;
  int64_t height_, task_rows_ = 0, task_blocks_ = 0;
};

}  // namespace physgen
