#include "physgen/train/frame_augmentation.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace physgen {
namespace {

TEST(FrameAugmentationTest, ADrawIsAPureFunctionOfTheSeedAndWithinItsBounds) {
  const FrameAugmentationConfig config{.shift = 2, .brightness = 0.1, .contrast = 0.2, .saturation = 0.3};
  std::set<int64_t> shifts;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const FrameAugmentation change = draw_augmentation(config, seed);
    shifts.insert(change.down);
    EXPECT_LE(std::abs(change.right), 2);
    EXPECT_LE(std::abs(change.brightness), 0.1);
    EXPECT_LE(std::abs(change.contrast - 1), 0.2);
    EXPECT_LE(std::abs(change.saturation - 1), 0.3);
    EXPECT_EQ(change.contrast, draw_augmentation(config, seed).contrast);
  }
  EXPECT_EQ(shifts, (std::set<int64_t>{-2, -1, 0, 1, 2}));
}

TEST(FrameAugmentationTest, WithoutReachNothingChanges) {
  const FrameAugmentation change = draw_augmentation({.shift = 0, .brightness = 0, .contrast = 0, .saturation = 0}, 7);
  const at::Tensor frames = at::rand({1, 2, 3, 4, 5}) * 2 - 1;
  EXPECT_TRUE(at::allclose(augment(frames, {&change, 1}), frames, 0, 1e-6));
}

TEST(FrameAugmentationTest, AShiftMovesEveryFrameOfItsClipAndRepeatsTheEdge) {
  const std::vector<FrameAugmentation> changes{{}, {.down = 1, .right = -2}};
  const at::Tensor frames = at::rand({2, 3, 3, 6, 6});
  const at::Tensor moved = shift_frames(frames, changes);
  EXPECT_TRUE(at::equal(moved[0], frames[0]));
  EXPECT_TRUE(at::equal(moved[1].slice(-2, 1, 6).slice(-1, 0, 4), frames[1].slice(-2, 0, 5).slice(-1, 2, 6)));
  EXPECT_TRUE(at::equal(moved[1].select(-2, 0), moved[1].select(-2, 1)));
  EXPECT_TRUE(at::equal(moved[1].select(-1, 5), moved[1].select(-1, 3)));
}

TEST(FrameAugmentationTest, ColoursStayWithinTheRange) {
  const std::vector<FrameAugmentation> changes{{.brightness = 0.5, .contrast = 1.5, .saturation = 2}};
  const at::Tensor changed = change_colours(at::rand({1, 1, 3, 8, 8}) * 2 - 1, changes);
  EXPECT_LE(changed.abs().max().item<float>(), 1);
}

TEST(FrameAugmentationTest, WithoutSaturationAFrameIsGrey) {
  const std::vector<FrameAugmentation> changes{{.brightness = 0.25, .contrast = 0.5, .saturation = 0}};
  const at::Tensor frames = at::rand({1, 1, 3, 2, 2});
  const at::Tensor expected = (frames.mean(2, true) * 0.5 + 0.25).expand_as(frames);
  EXPECT_TRUE(at::allclose(change_colours(frames, changes), expected, 0, 1e-6));
}

TEST(FrameAugmentationTest, OneChangeForTwoClipsIsRefused) {
  const FrameAugmentation change;
  EXPECT_THROW(augment(at::zeros({2, 1, 3, 4, 4}), {&change, 1}), c10::ValueError);
}

}  // namespace
}  // namespace physgen
