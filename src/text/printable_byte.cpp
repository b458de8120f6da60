#include "text/printable_byte.h"

namespace physgen {
namespace {

bool prints(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

int letter_of(uint8_t byte) {
  if (prints(byte)) return byte;
  int letter = 0x100;
  for (int before = 0; before < byte; ++before) letter += prints(before) ? 0 : 1;
  return letter;
}

}  // namespace

std::string printable_byte(uint8_t byte) {
  const int letter = letter_of(byte);
  if (letter < 0x80) return {static_cast<char>(letter)};
  return {static_cast<char>(0xC0 | letter >> 6), static_cast<char>(0x80 | (letter & 0x3F))};
}

}  // namespace physgen
