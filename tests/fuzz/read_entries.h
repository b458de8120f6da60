#pragma once

#include <cstdlib>
#include <span>

#include "files/safetensors.h"

namespace physgen {

/// Reads every byte of every tensor, so that a sanitizer sees one that is not there. Aborts unless each has as many as
/// its dtype and shape ask for.
inline void read_entries(std::span<const TensorEntry> entries) {
  unsigned sum = 0;
  for (const TensorEntry& entry : entries) {
    int64_t size = static_cast<int64_t>(size_of(entry.type));
    for (const int64_t dimension : entry.shape) {
      if (dimension < 0 || __builtin_mul_overflow(size, dimension, &size)) std::abort();
    }
    if (entry.data.size() != static_cast<size_t>(size)) std::abort();
    for (const std::byte byte : entry.data) sum += static_cast<unsigned>(byte);
  }
  [[maybe_unused]] const volatile unsigned kept = sum;
}

}  // namespace physgen
