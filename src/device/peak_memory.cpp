#include <physgen/device/peak_memory.h>

#include <fstream>
#include <string>

#include <c10/core/CachingDeviceAllocator.h>

namespace physgen {

void reset_peak_memory(at::Device device) {
  if (!device.is_cpu()) return c10::getDeviceAllocator(device.type())->resetPeakStats(device.index());
  std::ofstream("/proc/self/clear_refs") << "5";  // of Linux, proc(5): VmHWM becomes VmRSS
}

int64_t peak_memory(at::Device device) {
  if (!device.is_cpu()) {
    const auto total = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    return c10::getDeviceAllocator(device.type())->getDeviceStats(device.index()).allocated_bytes[total].peak;
  }
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

}  // namespace physgen
