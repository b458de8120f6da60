#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace physgen {

/// The integer that a whole text is, nothing where it is none or too large.
inline std::optional<int64_t> whole_number(const std::string& text) {
  int64_t number = 0;
  const char* end = text.c_str() + text.size();
  const auto [rest, failure] = std::from_chars(text.c_str(), end, number);
  if (failure != std::errc() || rest != end) return std::nullopt;
  return number;
}

}  // namespace physgen
