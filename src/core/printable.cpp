#include "core/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace physgen {
namespace {

constexpr size_t kLongest = 4000;

/// A character of UTF-8; a length of 0 where the bytes are none.
struct Character {
  uint32_t code = 0;
  size_t length = 0;
};

Character first_of(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char head = byte(0);
  if (head < 0x80) return {head, 1};
  const size_t length = head >= 0xf0 && head < 0xf5 ? 4 : head >= 0xe0 ? 3 : 2;
  if (head < 0xc2 || head > 0xf4 || text.size() < length) return {};
  uint32_t code = head & (0xffU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  constexpr std::array<uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kLeast[length] || surrogate || code > 0x10ffff ? Character{} : Character{code, length};
}

bool is_obeyed(uint32_t code) {
  const bool control = (code < 0x20 && code != '\n') || (code >= 0x7f && code < 0xa0);
  const bool direction =
      (code >= 0x200e && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return control || direction;
}

std::string escape(const char* format, uint32_t number) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty() && shown.size() < kLongest) {
    const Character next = first_of(text);
    if (next.length == 0) {
      shown += escape("\\x%02x", static_cast<unsigned char>(text[0]));
    } else if (is_obeyed(next.code)) {
      shown += next.code < 0x100 ? escape("\\x%02x", next.code) : escape("\\u%04x", next.code);
    } else {
      shown += text.substr(0, next.length);
    }
    text.remove_prefix(std::max<size_t>(1, next.length));
  }
  return text.empty() ? shown : shown + "…";
}

}  // namespace physgen
