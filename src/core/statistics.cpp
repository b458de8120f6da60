#include "physgen/core/statistics.h"

#include <algorithm>
#include <cmath>

namespace physgen {

Interval wilson_interval(int64_t successes, int64_t trials, double z) {
  if (trials == 0) return {};
  const double n = static_cast<double>(trials);
  const double rate = static_cast<double>(successes) / n;
  const double centre = rate + z * z / (2 * n);
  const double spread = z * std::sqrt(rate * (1 - rate) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  // The ends are exact at no and at every success, where rounding would leave 1e-17.
  return {successes == 0 ? 0 : (centre - spread) / scale, successes == trials ? 1 : (centre + spread) / scale};
}

double mcnemar_p_value(int64_t first_alone, int64_t second_alone) {
  const int64_t pairs = first_alone + second_alone;
  const double n = static_cast<double>(pairs);
  double tail = 0;
  for (int64_t count = 0; count <= std::min(first_alone, second_alone); ++count) {
    const double k = static_cast<double>(count);
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) - n * std::log(2));
  }
  return std::min(1.0, 2 * tail);
}

double quantile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  const double position = part * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

}  // namespace physgen
