#pragma once

#include <bit>
#include <cstdint>

namespace physgen {

/// The bits of a bfloat16 number.
enum class Bfloat16Bits : uint16_t {};

[[gnu::always_inline]] inline float load(float value) { return value; }
[[gnu::always_inline]] inline float load(Bfloat16Bits value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

[[gnu::always_inline]] inline void store(float value, float& to) { to = value; }
/// Rounds to nearest even.
[[gnu::always_inline]] inline void store(float value, Bfloat16Bits& to) {
  const auto bits = std::bit_cast<uint32_t>(value);
  to = static_cast<Bfloat16Bits>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace physgen
