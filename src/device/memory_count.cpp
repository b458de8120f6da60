#include "device/memory_count.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include "device/memory_readings.h"
#include "device/peak_memory.h"

namespace physgen {
namespace {

// LibTorch's allocator for the CPU reports to what hangs on the thread.
class CpuReports final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* /*place*/, int64_t change, size_t /*allocated*/, size_t /*reserved*/,
                         c10::Device device) override {
    if (!device.is_cpu()) return;
    const std::scoped_lock lock(mutex_);
    held_ += change;
    peak_ = std::max(peak_, held_);
  }
  bool memoryProfilingEnabled() const override { return true; }

  int64_t held() const {
    const std::scoped_lock lock(mutex_);
    return held_;
  }
  int64_t peak() const {
    const std::scoped_lock lock(mutex_);
    return peak_;
  }
  void forget_peak() {
    const std::scoped_lock lock(mutex_);
    peak_ = held_;
  }

 private:
  mutable std::mutex mutex_;
  int64_t held_ = 0, peak_ = 0;
};

}  // namespace

struct MemoryCount::State {
  explicit State(at::Device where) : device(where) {
    if (device.is_cpu()) {
      guard.emplace(c10::DebugInfoKind::PROFILER_STATE, reports);
    } else {
      reset_peak_memory(device);
      before = allocated_bytes(device).current;
    }
  }

  at::Device device;
  std::shared_ptr<CpuReports> reports = std::make_shared<CpuReports>();
  std::optional<c10::DebugInfoGuard> guard;
  int64_t before = 0;
};

MemoryCount::MemoryCount(at::Device device) : state_(std::make_unique<State>(device)) {}
MemoryCount::~MemoryCount() = default;

int64_t MemoryCount::held() const {
  return state_->device.is_cpu() ? state_->reports->held() : allocated_bytes(state_->device).current - state_->before;
}

int64_t MemoryCount::peak() const {
  return state_->device.is_cpu() ? state_->reports->peak() : peak_memory(state_->device) - state_->before;
}

void MemoryCount::forget_peak() {
  if (!state_->device.is_cpu()) return reset_peak_memory(state_->device);
  state_->reports->forget_peak();
}

}  // namespace physgen
