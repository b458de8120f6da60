#include "extending/erased_square.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <vector>

namespace physgen {
namespace {

// White frames, of which one square is erased.
at::Tensor erased(const ErasedSquare& square) {
  at::Tensor clip = at::ones({2, 3, 8, 12});
  erase(clip, square);
  return clip;
}

TEST(ErasedSquare, IsGreyInEveryFrameAndLeavesTheRest) {
  at::Tensor wanted = at::ones({2, 3, 8, 12});
  wanted.slice(-2, 2, 6).slice(-1, 0, 6).zero_();
  EXPECT_TRUE(at::equal(erased({.row = 0.5, .column = 0.25, .side = 0.5}), wanted));
}

TEST(ErasedSquare, IsCutAtTheEdge) {
  const at::Tensor clip = erased({.row = 1, .column = 1, .side = 0.5});
  EXPECT_EQ((clip[0][0] == 0).sum().item<int64_t>(), 2 * 3);
}

TEST(ErasedSquare, OfNoSideChangesNothing) { EXPECT_TRUE(at::equal(erased({}), at::ones({2, 3, 8, 12}))); }

TEST(ErasedSquare, IsDrawnInThisOrderAndWithinItsBound) {
  const std::vector<double> numbers = {0.1, 0.2, 0.5};
  auto next = numbers.begin();
  const ErasedSquare square = draw_square(0.4, [&] { return *next++; });
  EXPECT_EQ(square.row, 0.1);
  EXPECT_EQ(square.column, 0.2);
  EXPECT_DOUBLE_EQ(square.side, 0.2);
}

}  // namespace
}  // namespace physgen
