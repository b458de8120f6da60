#include "media/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "media/html_page.h"

namespace physgen {
namespace {

constexpr double kWidth = 640, kHeight = 240, kLeft = 62, kRight = 12, kTop = 26, kBottom = 26;
constexpr size_t kMostPoints = 300, kColours = 3;
constexpr double kLeastOfPowers = 1e-30;  // on a logarithmic axis; its inverse is the most

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

// Where a value lies between the ends of an axis.
struct Axis {
  Range range;
  Scale scale;
  double from, to;  // in the picture

  double of(double value) const { return scale == Scale::logarithmic ? std::log10(value) : value; }
  double place(double value) const {
    const double low = of(range.low), span = of(range.high) - low;
    return span > 0 ? from + (to - from) * (of(value) - low) / span : (from + to) / 2;
  }
};

// The finite points; where there are many, means of neighbours.
Curve thinned(const Curve& curve) {
  Curve finite{.name = curve.name, .steps = {}}, thin = finite;
  for (size_t i = 0; i < curve.values.size(); ++i) {
    if (!std::isfinite(curve.values[i])) continue;
    finite.steps.push_back(curve.steps[i]);
    finite.values.push_back(curve.values[i]);
  }
  const size_t count = finite.values.size(), together = std::max<size_t>(1, (count + kMostPoints - 1) / kMostPoints);
  for (size_t begin = 0; begin < count; begin += together) {
    const size_t end = std::min(count, begin + together);
    double step = 0, value = 0;
    for (size_t i = begin; i < end; ++i) {
      step += finite.steps[i];
      value += finite.values[i];
    }
    thin.steps.push_back(step / static_cast<double>(end - begin));
    thin.values.push_back(value / static_cast<double>(end - begin));
  }
  return thin;
}

// A little more than what is drawn, where nothing else bounds it.
Range padded(Range range, Scale scale) {
  if (scale == Scale::logarithmic) return {range.low / 1.1, range.high * 1.1};
  double margin = 0.05 * (range.high - range.low);
  if (margin == 0) margin = range.high == 0 ? 0.5 : 0.1 * std::abs(range.high);
  return {range.low - margin, range.high + margin};
}

std::string horizontal_line(const Axis& y, double value) {
  return fmt::format(
      "<path class='grid' d='M{} {:.1f}H{}'/><text class='number' x='{}' y='{:.1f}' text-anchor='end'>{:.4g}</text>\n",
      kLeft, y.place(value), kWidth - kRight, kLeft - 8, y.place(value) + 4, value);
}

std::string step_number(const Axis& x, double value) {
  return fmt::format("<text class='number' x='{:.1f}' y='{}' text-anchor='middle'>{:.6g}</text>\n", x.place(value),
                     kHeight - 6, value);
}

// Some multiples of the powers of ten in a range.
std::vector<double> round_powers(const Range& range, const std::vector<int>& multiples) {
  std::vector<double> numbers;
  const auto first = static_cast<int>(std::floor(std::log10(range.low)));
  for (int exponent = first; exponent <= static_cast<int>(std::log10(range.high)) + 1; ++exponent) {
    const double power = std::pow(10, exponent);
    for (const int times : multiples) {
      if (power * times >= range.low && power * times <= range.high) numbers.push_back(power * times);
    }
  }
  return numbers;
}

std::vector<double> numbers_of(const Axis& axis) {
  constexpr size_t kMost = 8;
  if (axis.scale == Scale::linear) return round_numbers(axis.range.low, axis.range.high, 5);
  const std::vector<double> fine = round_powers(axis.range, {1, 2, 5});
  if (fine.size() < 2) return round_numbers(axis.range.low, axis.range.high, 5);
  return fine.size() <= kMost ? fine : round_powers(axis.range, {1});
}

std::string path_of(const Curve& curve, const Axis& x, const Axis& y, size_t colour) {
  std::string path = fmt::format("<path class='curve curve-{}' d='", colour % kColours);
  for (size_t i = 0; i < curve.steps.size(); ++i) {
    path += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : "L", x.place(curve.steps[i]), y.place(curve.values[i]));
  }
  if (curve.steps.size() == 1) path += "m-4 0h8";
  return path + "'/>\n";
}

// A curve's name with a piece of its colour, above the chart.
std::string name_of(const Curve& curve, size_t index, double at) {
  return fmt::format("<path class='curve curve-{}' d='M{:.0f} 12h18'/><text x='{:.0f}' y='16'>{}</text>\n",
                     index % kColours, at, at + 24, html_text(curve.name));
}

std::string names_of(const std::vector<Curve>& curves) {
  constexpr double kLetter = 8;
  std::string names;
  double at = kLeft;
  for (size_t i = 0; i < curves.size(); ++i) {
    names += name_of(curves[i], i, at);
    at += 44 + kLetter * static_cast<double>(curves[i].name.size());
  }
  return names;
}

}  // namespace

std::vector<double> round_numbers(double low, double high, int about) {
  if (!(high > low)) return {low};
  const double raw = (high - low) / about, power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const int times : {5, 2, 1}) {
    if (raw <= times * power) step = times * power;
  }
  std::vector<double> numbers;
  const auto last = static_cast<int64_t>(std::floor(high / step));
  for (auto i = static_cast<int64_t>(std::ceil(low / step)); i <= last; ++i)
    numbers.push_back(static_cast<double>(i) * step);
  return numbers;
}

std::string line_chart(const std::vector<Curve>& given, Scale scale) {
  std::vector<Curve> curves;
  Range steps, values;
  for (const Curve& curve : given) {
    curves.push_back(thinned(curve));
    for (const double step : curves.back().steps) steps.take(step);
    for (const double value : curves.back().values) values.take(value);
  }
  if (values.empty()) return "<p class=\"faint\">There is no number yet.</p>\n";
  if (values.low < kLeastOfPowers || values.high > 1 / kLeastOfPowers) scale = Scale::linear;
  const Axis x{steps, Scale::linear, kLeft, kWidth - kRight};
  const Axis y{padded(values, scale), scale, kHeight - kBottom, kTop};
  std::string svg = fmt::format("<svg viewBox='0 0 {} {}' role='img'>\n", kWidth, kHeight);
  for (const double value : numbers_of(y)) svg += horizontal_line(y, value);
  for (const double step : round_numbers(steps.low, steps.high, 6)) svg += step_number(x, step);
  for (size_t i = 0; i < curves.size(); ++i) svg += path_of(curves[i], x, y, i);
  return svg + names_of(curves) + "</svg>\n";
}

}  // namespace physgen
