#include "device/memory_readings.h"

#include <fstream>

namespace physgen {

std::optional<int64_t> proc_bytes(const char* file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) return std::stoll(line.substr(key.size())) * 1024;
  }
  return {};
}

c10::CachingAllocator::Stat allocated_bytes(at::Device device) {
  const auto total = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return c10::getDeviceAllocator(device.type())->getDeviceStats(device.index()).allocated_bytes[total];
}

}  // namespace physgen
