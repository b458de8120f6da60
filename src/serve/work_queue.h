#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace physgen {

/// Threads that do one piece of work after the other, in the order in which they came. Each session has one piece in it
/// at most, so their number bounds it.
class WorkQueue {
 public:
  explicit WorkQueue(int64_t threads);
  /// What has not begun is not done.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// Of a single thread: waits until all is done that was added before.
  void finish();
  void add(std::function<void()> work);
  int64_t waiting() const;

 private:
  void run();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool stops_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace physgen
