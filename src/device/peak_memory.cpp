#include "device/peak_memory.h"

#include <fstream>

#include "device/memory_readings.h"

namespace physgen {

void reset_peak_memory(at::Device device) {
  if (!device.is_cpu()) return c10::getDeviceAllocator(device.type())->resetPeakStats(device.index());
  std::ofstream("/proc/self/clear_refs") << "5";  // of Linux, proc(5): VmHWM becomes VmRSS
}

int64_t peak_memory(at::Device device) {
  if (!device.is_cpu()) return allocated_bytes(device).peak;
  return proc_bytes("/proc/self/status", "VmHWM:").value_or(0);
}

}  // namespace physgen
