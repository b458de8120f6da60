#pragma once

#include <c10/core/Device.h>

#include <string>

namespace physgen {

/// Whether this CPU has instructions that multiply and add bytes (AVX512-VNNI, AVX-VNNI): without them int8 is slower
/// than float32 and not exact.
bool multiplies_bytes();

/// Throws ConfigError where int8 cannot be computed: on other devices than the CPU, and on a CPU that cannot multiply
/// bytes.
/// @param where  what asked for it, for the error
void require_int8(at::Device device, const std::string& where, bool cpu_multiplies_bytes = multiplies_bytes());

}  // namespace physgen
