#include "device/free_memory.h"

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "device/memory_readings.h"

namespace physgen {
namespace {

// The number that a file of a control group holds; nothing where there is none, or "max".
std::optional<int64_t> number_in(const std::string& file) {
  std::ifstream stream(file);
  int64_t number = 0;
  if (stream >> number) return number;
  return {};
}

int64_t left_in_group() {
  constexpr int64_t kEndless = std::numeric_limits<int64_t>::max();
  const auto most = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
  return most && used ? std::max<int64_t>(*most - *used, 0) : kEndless;
}

}  // namespace

int64_t free_memory(at::Device device) {
  if (!device.is_cpu()) {
    return static_cast<int64_t>(c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).first);
  }
  const auto available = proc_bytes("/proc/meminfo", "MemAvailable:");
  return available ? std::min(*available, left_in_group()) : 0;
}

int64_t resident_memory() {
  malloc_trim(0);
  return proc_bytes("/proc/self/status", "VmRSS:").value_or(0);
}

}  // namespace physgen
