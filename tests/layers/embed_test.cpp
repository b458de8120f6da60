#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include <physgen/layers/patch_embed.h>
#include <physgen/layers/rotary_embed.h>

#include "layers/position_embed.h"
#include "layers/timestep_embed.h"

namespace physgen {
namespace {

TEST(Patchify, IsUndoneByUnpatchify) {
  at::Tensor x = at::randn({2, 3, 4, 6});
  EXPECT_TRUE(at::equal(unpatchify(patchify(x, 2), 2, 4, 6), x));
}

TEST(Patchify, OrdersValuesByRowColumnChannel) {
  at::Tensor x = at::arange(2 * 4 * 4).view({1, 2, 4, 4});  // channel stride 16
  at::Tensor patch = patchify(x, 2)[0][1];                  // the patch to the right of the first
  EXPECT_TRUE(at::equal(patch, at::tensor({2, 18, 3, 19, 6, 22, 7, 23}, at::kLong)));
}

TEST(PatchEmbed, EqualsTheConvolution) {
  PatchEmbed embed(3, 8, 2);
  at::Tensor x = at::randn({2, 3, 4, 6});
  at::Tensor convolved = embed->proj->forward(x).flatten(2).transpose(1, 2);
  EXPECT_TRUE(at::allclose(embed->forward(patchify(x, 2)), convolved, 1e-4, 1e-5));
}

TEST(GridPositionEmbed, PutsColumnsBeforeRowsAndSinesBeforeCosines) {
  at::Tensor table = grid_position_embed(3, 5, 8);  // 2 frequencies: 1 and 1/100
  at::Tensor at_2_4 = table[2 * 5 + 4];
  const double expected[] = {std::sin(4), std::sin(.04), std::cos(4), std::cos(.04),
                             std::sin(2), std::sin(.02), std::cos(2), std::cos(.02)};
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(at_2_4[i].item<double>(), expected[i], 1e-6) << i;
}

TEST(TimestepFrequencies, PutCosinesBeforeSines) {
  at::Tensor row = timestep_frequencies(at::tensor({3}, at::kLong))[0];
  EXPECT_NEAR(row[0].item<double>(), std::cos(3.0), 1e-6);
  EXPECT_NEAR(row[128].item<double>(), std::sin(3.0), 1e-6);
  EXPECT_NEAR(row[127].item<double>(), std::cos(3 * std::exp(-127 * std::log(10000.0) / 128)), 1e-6);
}

TEST(Rotary, ScoresDependOnTheDistanceOnly) {
  at::Tensor q = at::randn({1, 1, 1, 16}), k = at::randn({1, 1, 1, 16});
  auto score = [&](int64_t i, int64_t j) {
    auto at_position = [](int64_t p) {
      return rotary_table(rotary_angles_1d(at::tensor({p}, at::kLong), 16, 10000), at::kFloat);
    };
    return (apply_rotary(q, at_position(i)) * apply_rotary(k, at_position(j))).sum().item<double>();
  };
  EXPECT_NEAR(score(3, 1), score(12, 10), 1e-4);
  EXPECT_GT(std::abs(score(3, 1) - score(3, 2)), 1e-3);
}

TEST(Rotary, SplitsAHeadOf64Into8And28And28) {
  at::Tensor time = rotary_angles_3d(at::tensor({int64_t{1}, int64_t{0}, int64_t{0}}).view({1, 3}), 64, 10000)[0];
  at::Tensor column = rotary_angles_3d(at::tensor({int64_t{0}, int64_t{0}, int64_t{1}}).view({1, 3}), 64, 10000)[0];
  EXPECT_TRUE(at::equal(time.nonzero().flatten(), at::arange(0, 4)));
  EXPECT_TRUE(at::equal(column.nonzero().flatten(), at::arange(18, 32)));
  EXPECT_NEAR(column[19].item<double>(), std::pow(10000, -2.0 / 28), 1e-6);
}

}  // namespace
}  // namespace physgen
