#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace physgen {

/// What a variable says, such as how long a long run is to be; without it, the fallback.
inline int64_t number_from_environment(const char* name, int64_t fallback) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text ? std::stoll(text) : fallback;
}

}  // namespace physgen
