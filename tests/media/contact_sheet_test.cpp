#include <gtest/gtest.h>

#include <algorithm>

#include <physgen/core/error.h>

#include "media/contact_sheet.h"

namespace physgen {
namespace {

using Rgb = std::vector<uint8_t>;

Image filled(int64_t height, int64_t width, const Rgb& colour) {
  Image image{height, width, {}};
  for (int64_t i = 0; i < height * width; ++i) image.pixels.insert(image.pixels.end(), colour.begin(), colour.end());
  return image;
}

Rgb pixel(const Image& image, int64_t y, int64_t x) {
  const auto* rgb = image.pixels.data() + (y * image.width + x) * 3;
  return {rgb, rgb + 3};
}

int64_t count(const Image& image, int64_t top, int64_t bottom, int64_t left, int64_t right, auto&& matches) {
  int64_t found = 0;
  for (int64_t y = top; y < bottom; ++y) {
    for (int64_t x = left; x < right; ++x) found += matches(pixel(image, y, x));
  }
  return found;
}

const auto dark = [](const Rgb& rgb) { return std::max({rgb[0], rgb[1], rgb[2]}) < 140; };
const auto coloured = [](const Rgb& rgb) {
  return *std::max_element(rgb.begin(), rgb.end()) - *std::min_element(rgb.begin(), rgb.end()) > 100;
};

TEST(ContactSheet, PicturesKeepTheirOrderAndColours) {
  const Rgb red = {200, 0, 0};
  const Rgb green = {0, 200, 0};
  const Rgb blue = {0, 0, 200};
  const Image sheet =
      draw_contact_sheet("", {filled(128, 128, red), filled(128, 128, green), filled(128, 128, blue)}, {}, 2);
  EXPECT_EQ(pixel(sheet, 60, 60), red);
  EXPECT_EQ(pixel(sheet, 60, 60 + 170), green);
  EXPECT_EQ(pixel(sheet, 60 + 170, 60), blue);
  EXPECT_EQ(pixel(sheet, 60 + 170, 60 + 170), (Rgb{255, 255, 255}));
}

TEST(ContactSheet, TitleAndCaptionsCanBeRead) {
  const std::vector<Image> frames(2, filled(100, 160, {255, 255, 255}));
  const Image bare = draw_contact_sheet("", frames, {}, 2);
  const Image titled = draw_contact_sheet("PushCube-v1\nPush the cube", frames, {"step 0", "step 8"}, 2);
  EXPECT_EQ(count(bare, 0, bare.height, 0, bare.width, dark), 0);
  EXPECT_GT(count(titled, 0, 50, 0, titled.width, dark), 200) << "no font? install fonts-dejavu-core";
  EXPECT_GT(count(titled, titled.height - 40, titled.height, 0, titled.width / 2, dark), 10);
  EXPECT_GT(count(titled, titled.height - 40, titled.height, titled.width / 2, titled.width, dark), 10);
}

TEST(ContactSheet, ALongTitleIsWrapped) {
  const std::vector<Image> frames(1, filled(160, 160, {0, 0, 0}));
  const Image brief = draw_contact_sheet("A\nshort", frames, {}, 1);
  const Image wordy = draw_contact_sheet("A\nsentence that is far too long for one line of this width", frames, {}, 1);
  EXPECT_GT(wordy.height, brief.height + 30);
  EXPECT_EQ(wordy.width, brief.width);
}

TEST(ContactSheet, RefusesWhatCannotBeLaidOut) {
  const std::vector<Image> frames(2, filled(10, 10, {1, 2, 3}));
  EXPECT_THROW(draw_contact_sheet("", {}, {}, 2), ConfigError);
  EXPECT_THROW(draw_contact_sheet("", frames, {}, 0), ConfigError);
  EXPECT_THROW(draw_contact_sheet("", frames, {"one"}, 2), ConfigError);
}

TEST(ActionPlot, ARisingLineRises) {
  Matrix actions(50, 1);
  for (int64_t i = 0; i < 50; ++i) actions(i, 0) = static_cast<float>(i);
  const Image plot = draw_action_plot(actions, {"x"}, 400, 200);
  ASSERT_EQ(plot.height, 200);
  ASSERT_EQ(plot.width, 400);
  EXPECT_GT(count(plot, 100, 200, 0, 200, coloured), 50);
  EXPECT_GT(count(plot, 0, 100, 200, 400, coloured), 50);
  EXPECT_LT(count(plot, 0, 90, 0, 200, coloured), 10);
  EXPECT_GT(count(plot, 0, 200, 0, 400, dark), 10) << "no font? install fonts-dejavu-core";
}

TEST(ActionPlot, TheCursorMovesWithTheStep) {
  const Matrix actions = Matrix::Zero(101, 1);
  const auto red = [](const Rgb& rgb) { return rgb[0] > 180 && rgb[1] < 90 && rgb[2] < 100; };
  const auto red_left_of_middle = [&](int64_t step) {
    const Image plot = draw_action_plot(actions, {"x"}, 400, 200, step);
    EXPECT_GT(count(plot, 0, 200, 0, 400, red), 50);
    return count(plot, 0, 200, 0, 200, red) > 0;
  };
  EXPECT_TRUE(red_left_of_middle(10));
  EXPECT_FALSE(red_left_of_middle(90));
}

TEST(ActionPlot, EveryColumnGetsItsOwnPlot) {
  Matrix actions = Matrix::Random(30, 8);
  const Image plot = draw_action_plot(actions, std::vector<std::string>(8, "joint"), 1000, 300);
  for (int64_t i = 0; i < 8; ++i) {
    const int64_t top = i / 4 * 150;
    const int64_t left = i % 4 * 250;
    EXPECT_GT(count(plot, top, top + 150, left, left + 250, coloured), 50) << i;
  }
}

TEST(ActionPlot, AConstantIsOneLevelLine) {
  const Image plot = draw_action_plot(Matrix::Constant(40, 1, -1.0f), {"gripper"}, 400, 200);
  EXPECT_GT(count(plot, 90, 110, 0, 400, coloured), 250);
  EXPECT_EQ(count(plot, 0, 90, 0, 400, coloured) + count(plot, 110, 200, 0, 400, coloured), 0);
}

TEST(ActionPlot, OneStepAndConstantsCanBePlotted) {
  EXPECT_NO_THROW(draw_action_plot(Matrix::Constant(1, 2, 3.0f), {"a", "b"}, 500, 100, 0));
}

TEST(ActionPlot, RefusesNamesSizesAndCursorsThatDoNotFit) {
  const Matrix actions = Matrix::Zero(5, 2);
  EXPECT_THROW(draw_action_plot(actions, {"a"}, 400, 200), ConfigError);
  EXPECT_THROW(draw_action_plot(actions, {"a", "b"}, 100, 20), ConfigError);
  EXPECT_THROW(draw_action_plot(actions, {"a", "b"}, 400, 200, 5), ConfigError);
  EXPECT_THROW(draw_action_plot(Matrix(), {}, 400, 200), ConfigError);
}

}  // namespace
}  // namespace physgen
