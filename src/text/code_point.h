#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace physgen {

/// One code point of a text and the bytes that it takes there.
struct CodePoint {
  char32_t value = 0;
  size_t length = 0;
};

/// The code point at `begin`, which lies inside of the text; nothing where the bytes there are no UTF-8 (truncated,
/// overlong, a surrogate, or past U+10FFFF).
std::optional<CodePoint> code_point_at(std::string_view text, size_t begin);

}  // namespace physgen
