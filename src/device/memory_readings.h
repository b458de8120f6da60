#pragma once

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <optional>
#include <string>

namespace physgen {

/// Bytes that a line such as "VmRSS:    1234 kB" of a file in /proc says; nothing where there is no such line.
std::optional<int64_t> proc_bytes(const char* file, const std::string& key);

/// What tensors take, and took, of a device that is not the CPU, in bytes.
c10::CachingAllocator::Stat allocated_bytes(at::Device device);

}  // namespace physgen
