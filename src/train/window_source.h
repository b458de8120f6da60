#pragma once

#include <cstdint>
#include <string>

#include <physgen/policy/window_batch.h>

namespace physgen {

/// An endless order of windows: what stands at a position is a pure function of it.
class WindowSource {
 public:
  virtual ~WindowSource() = default;

  /// The number of different windows; 0 where there are none to take.
  virtual int64_t size() const = 0;

  /// The windows at [position, position + count), on the CPU. May be called from several threads. Throws Error without
  /// windows.
  virtual WindowBatch batch(int64_t position, int64_t count) const = 0;

  /// Where those windows come from, "FILE:traj_12 frame 30, …", for errors.
  virtual std::string names(int64_t position, int64_t count) const = 0;
};

}  // namespace physgen
