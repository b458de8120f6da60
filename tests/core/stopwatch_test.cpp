#include "core/stopwatch.h"

#include <gtest/gtest.h>

#include <thread>

namespace physgen {
namespace {

TEST(Stopwatch, CountsTheSameTimeInSecondsAndMilliseconds) {
  const Stopwatch stopwatch;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double seconds = stopwatch.seconds();
  const double milliseconds = stopwatch.milliseconds();
  EXPECT_GE(seconds, 0.02);
  EXPECT_GE(milliseconds, 1000 * seconds);
  EXPECT_LT(milliseconds, 1000 * seconds + 5000);
}

}  // namespace
}  // namespace physgen
