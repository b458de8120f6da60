#pragma once

#include <string>
#include <vector>

namespace physgen {

/// Numbers over steps, in rising order of the steps.
struct Curve {
  std::string name;
  std::vector<double> steps, values = {};  ///< as many of both; values that are not finite are left out
};

/// What a chart's vertical axis is: `logarithmic` where all values are positive.
enum class Scale { linear, logarithmic };

/// The curves as SVG for an `html_page`: axes, numbers at round values, names. Of long curves the means of neighbours
/// are drawn. At most three curves have colours of their own. Without a finite value: a sentence that says so.
std::string line_chart(const std::vector<Curve>& curves, Scale scale = Scale::linear);

/// Round numbers in a range, about as many as asked for: multiples of 1, 2 or 5 times a power of ten.
std::vector<double> round_numbers(double low, double high, int about);

}  // namespace physgen
