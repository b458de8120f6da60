#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace physgen {

/// Flips, copies or cuts out a few bytes of a text that is not empty.
inline std::string mutated(std::string bytes, std::mt19937& random) {
  const auto place = [&] { return random() % bytes.size(); };
  const auto splice = [&] {
    const std::string piece = bytes.substr(place(), random() % 64);
    bytes.replace(place(), random() % 2 ? piece.size() : random() % 64, piece);
  };
  const auto kind = random() % 8;
  for (auto n = random() % 3 + 1; n > 0 && !bytes.empty(); --n) {
    if (kind < 5) bytes[place()] ^= static_cast<char>(random() % 255 + 1);
    if (kind == 5 || kind == 6) splice();
    if (kind == 7) bytes.erase(place(), random() % 2 ? random() % 64 + 1 : bytes.size());
  }
  return bytes;
}

}  // namespace physgen
