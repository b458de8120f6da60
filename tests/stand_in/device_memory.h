#pragma once

#include <c10/core/Allocator.h>

#include <cstdint>
#include <map>

namespace physgen {

/// The stand-in's memory: pages that nobody may touch where tensors say that they are. Kernels reach the same pages at
/// other addresses.
class DeviceMemory {
 public:
  static c10::Allocator& allocator();
  /// Where kernels find what a tensor has at `address`.
  static void* for_kernels(void* address);
  /// How many blocks of each number of bytes were asked for.
  static std::map<size_t, int64_t> allocations_of_size();
  static int64_t live_bytes();
  /// Where blocks are held now, with their bytes in whole pages.
  static std::map<size_t, size_t> live_blocks();
  static void reset_counts();
  /// How much there is from now on.
  static void set_size(size_t bytes);
};

}  // namespace physgen
