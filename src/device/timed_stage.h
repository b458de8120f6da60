#pragma once

#include <functional>
#include <type_traits>

#include "core/stopwatch.h"
#include "device/compute_device.h"

namespace physgen {

/// Does a stage of some work and tells its name and milliseconds, for which the device is waited for. An empty
/// `on_stage` is told nothing, and nothing is waited for.
template <class Work>
auto timed_stage(const std::function<void(const char*, double)>& on_stage, at::Device device, const char* stage,
                 const Work& work) {
  if (!on_stage) return work();
  const Stopwatch stopwatch;
  const auto tell = [&] {
    wait_for(device);
    on_stage(stage, stopwatch.milliseconds());
  };
  if constexpr (std::is_void_v<decltype(work())>) {
    work();
    tell();
  } else {
    auto result = work();
    tell();
    return result;
  }
}

}  // namespace physgen
