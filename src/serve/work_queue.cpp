#include "work_queue.h"

#include <future>
#include <memory>
#include <utility>

namespace physgen {

WorkQueue::WorkQueue(int64_t threads) {
  for (int64_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

WorkQueue::~WorkQueue() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkQueue::add(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void WorkQueue::finish() {
  const auto done = std::make_shared<std::promise<void>>();  // which outlives both threads' use of it
  add([done] { done->set_value(); });
  done->get_future().wait();
}

int64_t WorkQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return std::ssize(work_);
}

void WorkQueue::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stops_ || !work_.empty(); });
    if (stops_) return;
    const std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
  }
}

}  // namespace physgen
