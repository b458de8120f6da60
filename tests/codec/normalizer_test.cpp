#include <gtest/gtest.h>

#include <physgen/codec/canvas.h>
#include <physgen/codec/normalizer.h>
#include <physgen/core/error.h>

namespace physgen {
namespace {

const Normalizer kNormalizer{.low = {-2, 0, 5}, .high = {2, 10, 5}};

TEST(Normalizer, MapsTheRangeToMinusOneToOneAndBack) {
  Matrix rows(2, 3);
  rows << -2, 10, 5, 1, 2.5, 5;
  const Matrix normalized = kNormalizer.normalize(rows);
  Matrix expected(2, 3);
  expected << -1, 1, 0, 0.5, -0.5, 0;
  EXPECT_TRUE(normalized.isApprox(expected)) << normalized;
  EXPECT_TRUE(kNormalizer.denormalize(normalized).isApprox(rows));
}

TEST(Normalizer, ClipsWhatLiesOutside) {
  Matrix row(1, 3);
  row << 100, -100, 7;
  Matrix expected(1, 3);
  expected << 1, -1, 0;
  EXPECT_EQ(kNormalizer.normalize(row), expected);
}

TEST(Normalizer, RefusesAnotherWidth) {
  try {
    kNormalizer.normalize(Matrix::Zero(1, 4));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.problem().got, "4 dimensions");
    EXPECT_EQ(error.problem().expected, "3");
  }
}

TEST(Canvas, PutsTheSceneLeftAndTheWristRight) {
  Image red{2, 2, std::vector<uint8_t>(12, 0)}, white{4, 4, std::vector<uint8_t>(48, 255)};
  for (size_t i = 0; i < 12; i += 3) red.pixels[i] = 200;
  const CanvasConfig config{.cameras = {"scene", "wrist"}, .height = 8, .width = 16};
  const Image canvas = compose_canvas({red, white}, config);
  ASSERT_EQ(canvas.height, 8);
  ASSERT_EQ(canvas.width, 16);
  EXPECT_EQ(canvas.pixels[0], 200);
  EXPECT_EQ(canvas.pixels[1], 0);
  EXPECT_EQ(canvas.pixels[8 * 3 + 1], 255);
}

TEST(Canvas, RefusesAnotherNumberOfPictures) { EXPECT_THROW(compose_canvas({}, CanvasConfig{}), Error); }

}  // namespace
}  // namespace physgen
