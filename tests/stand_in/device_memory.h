#pragma once

#include <c10/core/Allocator.h>

#include <cstdint>

namespace physgen {

/// The stand-in's memory: pages that nobody may touch where tensors say that they are. Kernels reach the same pages at
/// other addresses.
class DeviceMemory {
 public:
  static c10::Allocator& allocator();
  /// Where kernels find what a tensor has at `address`.
  static void* for_kernels(void* address);
  static int64_t allocations();
  static int64_t live_bytes();
  static void reset_counts();
};

}  // namespace physgen
