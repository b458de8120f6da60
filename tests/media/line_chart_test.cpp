#include "media/line_chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "media/html_page.h"

namespace physgen {
namespace {

std::vector<double> numbers(int count) {
  std::vector<double> all;
  for (int i = 1; i <= count; ++i) all.push_back(i);
  return all;
}

int64_t count_of(const std::string& text, const std::string& part) {
  int64_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(LineChart, RoundNumbersAreMultiplesOfOneTwoOrFive) {
  EXPECT_EQ(round_numbers(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(round_numbers(-1, 1, 4), (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  EXPECT_EQ(round_numbers(1, 2200, 6), (std::vector<double>{500, 1000, 1500, 2000}));
  EXPECT_EQ(round_numbers(3, 3, 5), std::vector<double>{3});
}

TEST(LineChart, HighValuesLieAboveLowOnes) {
  const std::string chart = line_chart({{"loss", {1, 2}, {10, 0}}});
  EXPECT_NE(chart.find("d='M62.0 34.5L628.0 205.5'"), std::string::npos) << chart;  // y grows downwards
  EXPECT_NE(chart.find(">loss</text>"), std::string::npos);
}

TEST(LineChart, ALogarithmicAxisGivesEachPowerOfTenTheSameRoom) {
  const std::string chart = line_chart({{"loss", {0, 1, 2}, {100, 10, 1}}}, Scale::logarithmic);
  EXPECT_NE(chart.find("L345.0 120.0"), std::string::npos) << chart;  // the middle of both axes
}

TEST(LineChart, WhatIsNotPositiveIsDrawnLinearly) {
  const std::vector<Curve> curves = {{"loss", {0, 1, 2}, {-1, 0, 1}}};
  EXPECT_EQ(line_chart(curves, Scale::logarithmic), line_chart(curves, Scale::linear));
}

TEST(LineChart, OfManyPointsMeansAreDrawn) {
  const std::string chart = line_chart({{"loss", numbers(3000), numbers(3000)}});
  EXPECT_EQ(count_of(chart, "L"), 299);  // 300 points
}

TEST(LineChart, ValuesThatAreNotFiniteAreLeftOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(line_chart({{"a", {0, 1, 2, 3}, {1, nan, 2, infinity}}}), line_chart({{"a", {0, 2}, {1, 2}}}));
  EXPECT_NE(line_chart({{"a", {0}, {nan}}}).find("no number yet"), std::string::npos);
  EXPECT_NE(line_chart({}).find("no number yet"), std::string::npos);
}

TEST(HtmlPage, WhatItIsGivenAsTextIsText) {
  const std::string page = html_page("a <b>", html_of({{"<i>", "\"x\" & y"}, {"left out", ""}}));
  EXPECT_NE(page.find("<title>a &lt;b&gt;</title>"), std::string::npos);
  EXPECT_NE(page.find("&lt;i&gt;<td><code>&quot;x&quot; &amp; y"), std::string::npos);
  EXPECT_EQ(page.find("left out"), std::string::npos);
}

}  // namespace
}  // namespace physgen
