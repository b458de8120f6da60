#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace physgen {
namespace {

TEST(ParallelForTest, CallsWithEachNumberOnce) {
  for (const int64_t count : {0, 1, 2, 1000}) {
    std::vector<std::atomic<int>> calls(static_cast<size_t>(count));
    parallel_for(count, [&](int64_t number) { ++calls[static_cast<size_t>(number)]; });
    for (const auto& times : calls) EXPECT_EQ(times, 1);
  }
  EXPECT_GE(core_count(), 1);
}

TEST(ParallelForTest, ThrowsWhatTheFunctionThrowsAndBeginsNothingAfterIt) {
  std::atomic<int> calls = 0;
  const auto fail_at_ten = [&](int64_t number) {
    ++calls;
    if (number == 10) throw std::runtime_error("ten");
  };
  EXPECT_THROW(parallel_for(1'000'000, fail_at_ten), std::runtime_error);
  EXPECT_LT(calls, 1'000'000);
}

}  // namespace
}  // namespace physgen
