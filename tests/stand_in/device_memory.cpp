#include "stand_in/device_memory.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>

namespace physgen {
namespace {

constexpr size_t kSize = size_t{64} << 30;  // reserved, not used
constexpr size_t kPage = 4096;

/// Blocks of whole pages of one range of addresses, which is mapped twice.
class Arena {
 public:
  void* allocate(size_t bytes) {
    const std::lock_guard lock(mutex_);
    const size_t size = pages_of(bytes);
    TORCH_CHECK_WITH(OutOfMemoryError, live_bytes_ + size <= size_, "the stand-in device is out of memory");
    ++allocations_[bytes];
    live_bytes_ += size;
    peak_bytes_ = std::max(peak_bytes_, live_bytes_);
    for (auto hole = holes_.begin(); hole != holes_.end(); ++hole) {
      const auto [offset, room] = *hole;
      if (room < size) continue;
      holes_.erase(hole);
      if (room > size) holes_.emplace(offset + size, room - size);
      taken_.emplace(offset, size);
      return begin_ + offset;
    }
    TORCH_CHECK_WITH(OutOfMemoryError, used_ + size <= kSize, "the stand-in device is out of addresses");
    taken_.emplace(used_, size);
    used_ += size;
    return begin_ + used_ - size;
  }

  void free(void* block) {
    const std::lock_guard lock(mutex_);
    const auto found = taken_.find(static_cast<size_t>(static_cast<char*>(block) - begin_));
    auto [offset, size] = *found;
    taken_.erase(found);
    live_bytes_ -= size;
    auto next = holes_.lower_bound(offset);
    if (next != holes_.end() && next->first == offset + size) {
      size += next->second;
      next = holes_.erase(next);
    }
    if (next != holes_.begin() && std::prev(next)->first + std::prev(next)->second == offset) {
      std::prev(next)->second += size;
    } else {
      holes_.emplace(offset, size);
    }
  }

  void* for_kernels(void* address) const { return open_ + (static_cast<char*>(address) - begin_); }

  std::map<size_t, int64_t> allocations() const {
    const std::lock_guard lock(mutex_);
    return allocations_;
  }
  std::map<size_t, size_t> live_blocks() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  int64_t live_bytes() const { return static_cast<int64_t>(live_bytes_); }
  int64_t peak_bytes() const { return static_cast<int64_t>(peak_bytes_); }
  void forget_peak() { peak_bytes_ = live_bytes_; }
  void reset_counts() { allocations_.clear(); }
  size_t size() const { return size_; }
  void set_size(size_t bytes) { size_ = std::min(bytes, kSize); }

 private:
  static size_t pages_of(size_t bytes) { return std::max<size_t>(1, (bytes + kPage - 1) / kPage) * kPage; }

  static int pages() {
    const int file = memfd_create("stand-in device", MFD_CLOEXEC);
    TORCH_CHECK(file >= 0 && ftruncate(file, kSize) == 0, "the stand-in device has no memory");
    return file;
  }

  char* map(int rights) const {
    void* begin = mmap(nullptr, kSize, rights, MAP_SHARED | MAP_NORESERVE, pages_, /*offset=*/0);
    TORCH_CHECK(begin != MAP_FAILED, "the stand-in device's memory cannot be mapped");
    return static_cast<char*>(begin);
  }

  mutable std::mutex mutex_;
  int pages_ = pages();
  char* begin_ = map(PROT_NONE);
  char* open_ = map(PROT_READ | PROT_WRITE);
  size_t used_ = 0;                         // from the beginning, ever
  std::map<size_t, size_t> holes_, taken_;  // offset -> size
  std::map<size_t, int64_t> allocations_;   // bytes -> how often
  size_t size_ = kSize;
  size_t live_bytes_ = 0, peak_bytes_ = 0;
};

Arena& arena() {
  static auto* arena = new Arena;  // outlives every tensor
  return *arena;
}

class ArenaAllocator final : public c10::DeviceAllocator {
 public:
  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {}
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex) override {
    c10::CachingDeviceAllocator::DeviceStats stats;
    auto& all = stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
    all.current = arena().live_bytes();
    all.peak = arena().peak_bytes();
    return stats;
  }
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex) override { arena().forget_peak(); }
  std::pair<size_t, size_t> getMemoryInfo(c10::DeviceIndex) override {
    const size_t size = arena().size(), live = static_cast<size_t>(arena().live_bytes());
    return {size - std::min(size, live), size};
  }

  c10::DataPtr allocate(size_t bytes) override {
    void* block = arena().allocate(bytes);
    return {block, block, &free_block, c10::Device(c10::DeviceType::HPU, 0)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(arena().for_kernels(to), arena().for_kernels(const_cast<void*>(from)), bytes);
  }

 private:
  static void free_block(void* block) { arena().free(block); }
};

}  // namespace

c10::Allocator& DeviceMemory::allocator() {
  static auto* allocator = [] {
    auto* made = new ArenaAllocator;
    c10::SetAllocator(c10::DeviceType::HPU, made);
    return made;
  }();
  return *allocator;
}

namespace {

// Who asks for free memory may not have allocated any.
[[maybe_unused]] const c10::Allocator& known_from_the_beginning = DeviceMemory::allocator();

}  // namespace

void* DeviceMemory::for_kernels(void* address) { return arena().for_kernels(address); }
std::map<size_t, int64_t> DeviceMemory::allocations_of_size() { return arena().allocations(); }
std::map<size_t, size_t> DeviceMemory::live_blocks() { return arena().live_blocks(); }
void DeviceMemory::set_size(size_t bytes) { arena().set_size(bytes); }
int64_t DeviceMemory::live_bytes() { return arena().live_bytes(); }
void DeviceMemory::reset_counts() { arena().reset_counts(); }

}  // namespace physgen
