#include "extending/arrangement.h"

#include <gtest/gtest.h>

#include <physgen/core/config.h>
#include <physgen/core/error.h>

#include "support/problem_of.h"

namespace physgen {
namespace {

Image grey(int64_t height, int64_t width, uint8_t value) {
  return {height, width, std::vector<uint8_t>(static_cast<size_t>(height * width * 3), value)};
}

uint8_t value_at(const Image& image, int64_t row, int64_t column) {
  return image.pixels[static_cast<size_t>((row * image.width + column) * 3)];
}

TEST(Arrangement, TheFirstViewStandsAboveTheOthersEachInItsShare) {
  const Image canvas = first_above({grey(5, 9, 1), grey(4, 4, 2), grey(30, 7, 3)}, 192, 128);
  ASSERT_EQ(canvas.height, 192);
  ASSERT_EQ(canvas.width, 128);
  for (int64_t row = 0; row < 192; ++row) {
    for (int64_t column = 0; column < 128; ++column) {
      const int value = row < 128 ? 1 : column < 64 ? 2 : 3;
      ASSERT_EQ(value_at(canvas, row, column), value) << row << " " << column;
    }
  }
}

TEST(Arrangement, SizesThatDoNotDivideAreFilled) {
  const Image canvas = first_above({grey(2, 2, 1), grey(2, 2, 2), grey(2, 2, 2), grey(2, 2, 2)}, 10, 8);
  ASSERT_EQ(canvas.pixels.size(), 10u * 8 * 3);
  for (int64_t row = 0; row < 10; ++row) {
    for (int64_t column = 0; column < 8; ++column) EXPECT_EQ(value_at(canvas, row, column), row < 6 ? 1 : 2);
  }
}

// As CanvasConfig has it, once the page's lines are in.
struct Canvas {
  Arrangement arrangement = Arrangement::columns;
};

template <class Field>
void describe(Canvas& config, Field& field) {
  field("arrangement", config.arrangement);
}

TEST(Arrangement, IsAConfigsChoice) {
  const auto arrangement_of = [](const std::string& text) {
    return ConfigDocument::parse(text, "canvas.json").read<Canvas>().arrangement;
  };
  EXPECT_EQ(arrangement_of("{}"), Arrangement::columns);
  EXPECT_EQ(arrangement_of(R"({"arrangement": "first_above"})"), Arrangement::first_above);
  const Problem problem = problem_of<ConfigError>([&] { arrangement_of(R"({"arrangement": "first_abov"})"); });
  EXPECT_NE(problem.expected.find("first_above"), std::string::npos) << problem.expected;
}

}  // namespace
}  // namespace physgen
