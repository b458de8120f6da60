#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace physgen {

/// Begins to measure anew.
void reset_peak_memory(at::Device device);

/// The most memory held since `reset_peak_memory`, in bytes: what was allocated on a GPU, the process's resident memory
/// on the CPU. 0 where the system does not tell.
int64_t peak_memory(at::Device device);

}  // namespace physgen
