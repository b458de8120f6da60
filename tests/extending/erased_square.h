#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace physgen {

/// A rectangle that is painted grey: shares of a frame's height and width. The default is none.
struct ErasedSquare {
  double row = 0, column = 0;  ///< of its middle
  double side = 0;
};

/// @param largest  side, 0 to 1    @param uniform  gives the next number in [0, 1)
template <class Uniform>
ErasedSquare draw_square(double largest, const Uniform& uniform) {
  return {uniform(), uniform(), largest * uniform()};  // in this order
}

/// Makes the square grey in all frames of a clip, in place. @param clip  [T, C, H, W] in [-1, 1]
inline void erase(const at::Tensor& clip, const ErasedSquare& square) {
  const auto edges = [&](double middle, int64_t size) {
    const auto edge = [&](double share) {
      return std::llround(std::clamp(share, 0.0, 1.0) * static_cast<double>(size));
    };
    return std::pair<int64_t, int64_t>{edge(middle - square.side / 2), edge(middle + square.side / 2)};
  };
  const auto [top, bottom] = edges(square.row, clip.size(-2));
  const auto [left, right] = edges(square.column, clip.size(-1));
  clip.slice(-2, top, bottom).slice(-1, left, right).zero_();
}

}  // namespace physgen
