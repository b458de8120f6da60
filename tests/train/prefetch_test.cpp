#include "train/prefetch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace physgen {
namespace {

TEST(Prefetch, GivesTheValuesThatAreAskedForInAnyOrder) {
  Prefetch<int64_t> squares([](int64_t i) { return i * i; });
  for (const int64_t i : {0, 1, 2, 7, 8, 3, 3}) EXPECT_EQ(squares.take(i), i * i);
}

TEST(Prefetch, MakesTheNextValueOnAnotherThreadAndNoMore) {
  std::atomic<int64_t> made = 0;
  std::atomic<std::thread::id> thread;
  {
    Prefetch<int64_t> values([&](int64_t i) {
      thread = std::this_thread::get_id();
      made = std::max<int64_t>(made, i);
      return i;
    });
    EXPECT_EQ(values.take(4), 4);
    while (made < 5) std::this_thread::yield();
    EXPECT_NE(thread.load(), std::this_thread::get_id());
  }
  EXPECT_EQ(made, 5);
}

TEST(Prefetch, ThrowsWhereTheValueIsTakenThatCouldNotBeMade) {
  Prefetch<int64_t> values([](int64_t i) {
    if (i == 1) throw std::runtime_error("no");
    return i;
  });
  EXPECT_EQ(values.take(0), 0);
  EXPECT_THROW(values.take(1), std::runtime_error);
  EXPECT_EQ(values.take(2), 2);
}

}  // namespace
}  // namespace physgen
