#include "text/code_point.h"

#include <bit>
#include <cstdint>

namespace physgen {
namespace {

constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};  // that needs so many bytes

bool is_scalar_value(char32_t value) { return value <= 0x10FFFF && !(value >= 0xD800 && value < 0xE000); }

}  // namespace

std::optional<CodePoint> code_point_at(std::string_view text, size_t begin) {
  const auto lead = static_cast<uint8_t>(text[begin]);
  if (lead < 0x80) return CodePoint{lead, 1};
  const auto length = static_cast<size_t>(std::countl_one(lead));
  if (length < 2 || length > 4 || length > text.size() - begin) return std::nullopt;
  char32_t value = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<uint8_t>(text[begin + i]);
    if (next >> 6 != 0b10) return std::nullopt;
    value = value << 6 | (next & 0x3F);
  }
  if (value < kSmallest[length] || !is_scalar_value(value)) return std::nullopt;
  return CodePoint{value, length};
}

}  // namespace physgen
