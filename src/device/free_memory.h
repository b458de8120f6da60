#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace physgen {

/// What a device has left for this process, in bytes: of a GPU its free memory; of the CPU what Linux calls available,
/// or what the process's control group may still take, whichever is less. 0 where the system does not tell.
int64_t free_memory(at::Device device);

/// What of this process is resident in the host's memory, in bytes, after its allocator has given back what it keeps of
/// freed blocks. 0 where the system does not tell.
int64_t resident_memory();

}  // namespace physgen
