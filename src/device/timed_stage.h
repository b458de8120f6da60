#pragma once

#include <functional>

#include <physgen/core/stopwatch.h>
#include <physgen/device/compute_device.h>

namespace physgen {

/// Does a stage of some work and tells its name and milliseconds, for which the device is waited for. An empty
/// `on_stage` is told nothing, and nothing is waited for.
template <class Work>
auto timed_stage(const std::function<void(const char*, double)>& on_stage, at::Device device, const char* stage,
                 const Work& work) {
  if (!on_stage) return work();
  const Stopwatch stopwatch;
  auto result = work();
  wait_for(device);
  on_stage(stage, stopwatch.milliseconds());
  return result;
}

}  // namespace physgen
