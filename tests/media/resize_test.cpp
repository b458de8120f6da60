#include <gtest/gtest.h>

#include <physgen/core/error.h>

#include "media/resize.h"

namespace physgen {
namespace {

Image grey(int64_t height, int64_t width, const std::vector<int>& values) {
  Image image{height, width, {}};
  for (const int value : values) image.pixels.insert(image.pixels.end(), 3, static_cast<uint8_t>(value));
  return image;
}

TEST(Resize, TheSameSizeChangesNothing) {
  const Image image = grey(2, 2, {1, 2, 3, 4});
  EXPECT_EQ(resize(image, 2, 2), image);
}

TEST(Resize, EnlargingInterpolatesAndKeepsTheEdges) {
  EXPECT_EQ(resize(grey(1, 2, {0, 100}), 1, 4), grey(1, 4, {0, 25, 75, 100}));
  EXPECT_EQ(resize(grey(2, 1, {0, 100}), 4, 1), grey(4, 1, {0, 25, 75, 100}));
}

TEST(Resize, ShrinkingAveragesSoThatNoPixelIsLost) {
  // Weights of Pillow's triangle filter for 4 -> 2: 3/7 3/7 1/7 0 and mirrored.
  EXPECT_EQ(resize(grey(1, 4, {0, 0, 0, 210}), 1, 2), grey(1, 2, {0, 90}));
  EXPECT_EQ(resize(grey(4, 4, std::vector<int>(16, 77)), 3, 1), grey(3, 1, {77, 77, 77}));
}

TEST(Resize, ChannelsStayApart) {
  const Image image{1, 2, {10, 20, 30, 50, 60, 70}};
  EXPECT_EQ(resize(image, 1, 1), (Image{1, 1, {30, 40, 50}}));
}

TEST(Resize, RefusesImpossibleSizes) {
  EXPECT_THROW(resize(grey(1, 1, {1}), 0, 1), ConfigError);
  EXPECT_THROW(resize(Image{}, 2, 2), ConfigError);
}

TEST(Crop, TakesThePartThatIsAskedFor) {
  const Image image = grey(2, 3, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(crop(image, 0, 1, 2, 2), grey(2, 2, {2, 3, 5, 6}));
  EXPECT_EQ(crop(image, 0, 0, 2, 3), image);
  EXPECT_THROW(crop(image, 1, 0, 2, 1), ConfigError);
  EXPECT_THROW(crop(image, 0, 0, 0, 1), ConfigError);
}

TEST(Layout, PicturesLieSideBySideAndAboveEachOther) {
  const Image tall = grey(2, 1, {1, 2});
  const Image wide = grey(1, 2, {3, 4});
  EXPECT_EQ(side_by_side({tall, wide}), grey(2, 3, {1, 3, 4, 2, 255, 255}));
  EXPECT_EQ(side_by_side({tall, tall}, 1), grey(2, 3, {1, 255, 1, 2, 255, 2}));
  EXPECT_EQ(stack_vertically({tall, wide}, 1), grey(4, 2, {1, 255, 2, 255, 255, 255, 3, 4}));
}

}  // namespace
}  // namespace physgen
