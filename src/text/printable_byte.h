#pragma once

#include <cstdint>
#include <string>

namespace physgen {

/// The letter that stands for a byte in GPT-2's vocabulary, as UTF-8: the byte's own Latin-1 letter where that prints,
/// or else one of U+0100 to U+0143.
std::string printable_byte(uint8_t byte);

}  // namespace physgen
