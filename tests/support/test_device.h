#pragma once

#include <cstdlib>
#include <string>

#include <physgen/device/compute_device.h>

namespace physgen {

/// What the tests of networks compute on: PHYSGEN_TEST_DEVICE where it is set, else the CPU.
inline std::string test_device_name() {
  const char* named = std::getenv("PHYSGEN_TEST_DEVICE");
  return named ? named : "cpu";
}

inline at::Device test_device() { return compute_device(test_device_name()); }

}  // namespace physgen
