#pragma once

#include <chrono>

namespace physgen {

/// The time since it was made, by a clock that never goes back.
class Stopwatch {
 public:
  double seconds() const { return elapsed<std::chrono::seconds::period>(); }
  double milliseconds() const { return elapsed<std::milli>(); }

 private:
  using Clock = std::chrono::steady_clock;

  template <class Unit>
  double elapsed() const {
    return std::chrono::duration<double, Unit>(Clock::now() - start_).count();
  }

  Clock::time_point start_ = Clock::now();
};

}  // namespace physgen
