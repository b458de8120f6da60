#pragma once

#include <cstdlib>
#include <string>

#include "device/compute_device.h"

namespace physgen {

/// What the tests of networks compute on: PHYSGEN_TEST_DEVICE where it is set, else the CPU. Of several processes that
/// torchrun began on GPUs, each has its own.
inline std::string test_device_name() {
  const char* named = std::getenv("PHYSGEN_TEST_DEVICE");
  const std::string name = named ? named : "cpu";
  const char* local_rank = std::getenv("LOCAL_RANK");
  return name == "cuda" && local_rank ? name + ":" + local_rank : name;
}

inline at::Device test_device() { return compute_device(test_device_name()); }

}  // namespace physgen
