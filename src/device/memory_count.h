#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

namespace physgen {

/// Counts what tensors take on a device while it lives: on the CPU those that its thread makes and drops, backward
/// passes that it begins included. Only what was made under the count may be dropped under it.
class MemoryCount {
 public:
  explicit MemoryCount(at::Device device);
  ~MemoryCount();
  MemoryCount(const MemoryCount&) = delete;
  MemoryCount& operator=(const MemoryCount&) = delete;

  /// Bytes that are held now, of those that were made under the count.
  int64_t held() const;
  /// The most that was held since `forget_peak`, or ever.
  int64_t peak() const;
  void forget_peak();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace physgen
