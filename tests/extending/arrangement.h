#pragma once

#include <vector>

#include <physgen/core/choice.h>

#include "media/resize.h"

namespace physgen {

/// Where the views stand on the canvas: side by side, or the first above the others.
enum class Arrangement { columns, first_above };
constexpr auto choices_of(Arrangement) {
  return std::to_array<Choice<Arrangement>>(
      {{Arrangement::columns, "columns"}, {Arrangement::first_above, "first_above"}});
}

/// One picture of the size asked for: the first view in the upper two thirds, the others side by side below it.
/// @param views  at least two, of any size
inline Image first_above(const std::vector<Image>& views, int64_t height, int64_t width) {
  const int64_t upper = height * 2 / 3;
  const auto count = static_cast<int64_t>(views.size()) - 1;
  std::vector<Image> others;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t left = width * i / count, right = width * (i + 1) / count;
    others.push_back(resize(views[static_cast<size_t>(i) + 1], height - upper, right - left));
  }
  return stack_vertically({resize(views[0], upper, width), side_by_side(others)});
}

}  // namespace physgen
