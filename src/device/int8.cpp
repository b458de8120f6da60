#include "device/int8.h"

#include <physgen/core/error.h>

namespace physgen {

bool multiplies_bytes() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512vnni") || __builtin_cpu_supports("avxvnni");
#else
  return false;
#endif
}

void require_int8(at::Device device, const std::string& where, bool cpu_multiplies_bytes) {
  if (!device.is_cpu()) {
    throw ConfigError({.what = "int8 is computed on the CPU alone",
                       .where = where,
                       .got = "device " + device.str(),
                       .expected = "device cpu",
                       .next_step = "pass --device cpu, or --precision bfloat16"});
  }
  if (cpu_multiplies_bytes) return;
  throw ConfigError({.what = "this CPU does not multiply bytes",
                     .where = where,
                     .got = "neither AVX512-VNNI nor AVX-VNNI",
                     .expected = "a CPU with one of them",
                     .next_step = "pass --precision auto"});
}

}  // namespace physgen
