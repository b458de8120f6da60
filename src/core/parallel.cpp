#include "core/parallel.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace physgen {

int64_t core_count() { return std::max<int64_t>(1, std::thread::hardware_concurrency()); }

void parallel_for(int64_t count, const std::function<void(int64_t)>& body) {
  std::mutex mutex;
  int64_t next = 0;
  std::exception_ptr failure;
  const auto take = [&] {
    const std::lock_guard lock(mutex);
    return failure || next == count ? -1 : next++;
  };
  const auto work = [&] {
    for (int64_t number = take(); number >= 0; number = take()) {
      try {
        body(number);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others(static_cast<size_t>(std::min(core_count(), count) - (count > 0 ? 1 : 0)));
    for (std::jthread& other : others) other = std::jthread(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace physgen
