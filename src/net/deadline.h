#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace physgen {

inline std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

/// Calls something in the executor's thread unless it is destroyed before, in that thread.
class Deadline {
 public:
  template <class Executor, class Action>
  Deadline(const Executor& executor, double seconds, Action action)
      : alive_(std::make_shared<bool>(true)), timer_(executor, milliseconds_of(seconds)) {
    timer_.async_wait([alive = alive_, action = std::move(action)](const auto& error) {
      if (!error && *alive) action();
    });
  }
  ~Deadline() { *alive_ = false; }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  std::shared_ptr<bool> alive_;
  boost::asio::steady_timer timer_;
};

}  // namespace physgen
