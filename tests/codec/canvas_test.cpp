#include <physgen/codec/canvas.h>

#include <gtest/gtest.h>

#include <physgen/core/error.h>

#include "support/problem_of.h"

namespace physgen {
namespace {

// Pixels of one grey value each.
Image grey(int64_t height, int64_t width, const std::vector<uint8_t>& values) {
  Image image{height, width, {}};
  for (const uint8_t value : values) image.pixels.insert(image.pixels.end(), 3, value);
  return image;
}

TEST(Canvas, ViewsStandSideBySideEachInItsShare) {
  const CanvasConfig config{.cameras = {"scene", "wrist"}, .height = 2, .width = 2};
  const Image scene = grey(2, 1, {1, 2}), wrist = grey(4, 2, {3, 3, 3, 3, 4, 4, 4, 4});
  EXPECT_EQ(compose_canvas({scene, wrist}, config), grey(2, 2, {1, 3, 2, 4}));
}

TEST(Canvas, OnlyTheCropOfAPictureIsSeen) {
  const CanvasConfig config{.height = 1, .width = 2, .crop = {0.5, 0.25, 1, 0.75}};
  EXPECT_EQ(compose_canvas({grey(2, 4, {1, 2, 3, 4, 5, 6, 7, 8})}, config), grey(1, 2, {6, 7}));
}

TEST(Canvas, RefusesOtherViewsAndAnEmptyCrop) {
  const CanvasConfig config{.height = 1, .width = 1};
  EXPECT_EQ(problem_of<Error>([&] { compose_canvas({}, config); }).expected, "1, one a camera");
  EXPECT_EQ(problem_of<Error>([&] { compose_canvas({{64, 64, {}}}, config); }).got, "64 x 64 with 0 bytes");
  for (const std::array<double, 4>& crop : {std::array<double, 4>{0.5, 0, 0.5, 1}, {0, 0.7, 1, 0.2}}) {
    const CanvasConfig cut{.crop = crop};
    EXPECT_EQ(problem_of<ConfigError>([&] { check(cut, "canvas"); }).where, "canvas.crop");
  }
  check(config, "canvas");
}

}  // namespace
}  // namespace physgen
