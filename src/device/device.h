#pragma once

#include <cstdint>
#include <string>

namespace physgen {

/// Where to compute, as a user writes it.
struct DeviceChoice {
  enum class Kind { automatic, cpu, cuda, hpu };
  Kind kind = Kind::automatic;
  int64_t index = 0;  ///< of the GPU

  bool operator==(const DeviceChoice&) const = default;
};

/// "auto", "cpu", "cuda", "cuda:1" or "hpu". Throws ConfigError for another text.
DeviceChoice parse_device(const std::string& text);

}  // namespace physgen
