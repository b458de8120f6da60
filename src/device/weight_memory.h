#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <string>

#include "device/free_memory.h"

namespace torch::nn {
class Module;
}

namespace physgen {

/// What a module's parameters and buffers take in a number type, in bytes.
int64_t weight_bytes(const torch::nn::Module& module, at::ScalarType dtype);

/// Throws Error: a device is out of memory. @param smaller  what takes less
[[noreturn]] void refuse_memory(at::Device device, int64_t needed, int64_t free, const std::string& smaller);

/// The settings that take less than weights of a number type.
std::string smaller_than(at::ScalarType dtype);

/// Does what brings about `needed` bytes of weights to a device. Throws Error where that is out of memory: what was
/// needed, what was free before, and what takes less.
template <class Work>
auto with_memory(at::Device device, int64_t needed, const std::string& smaller, const Work& work) {
  const int64_t free = free_memory(device);
  try {
    return work();
  } catch (const c10::OutOfMemoryError&) {
    refuse_memory(device, needed, free, smaller);
  }
}

}  // namespace physgen
