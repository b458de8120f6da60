#include "data/lerobot_statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <physgen/core/statistics.h>

#include "data/statistics.h"

namespace physgen {
namespace {

constexpr std::pair<const char*, double> kQuantiles[] = {
    {"q01", 0.01}, {"q10", 0.10}, {"q50", 0.50}, {"q90", 0.90}, {"q99", 0.99}};

}  // namespace

LeRobotStatistics lerobot_statistics(const Matrix& rows) {
  const Statistics known = statistics_of(rows);
  LeRobotStatistics statistics{{{"min", known.min}, {"max", known.max}, {"mean", known.mean}, {"std", known.std}},
                               known.count};
  for (int64_t column = 0; column < rows.cols(); ++column) {
    std::vector<double> values(rows.col(column).begin(), rows.col(column).end());
    std::sort(values.begin(), values.end());
    for (const auto& [name, part] : kQuantiles) statistics.values[name].push_back(quantile(values, part));
  }
  return statistics;
}

void PictureHistogram::add(const Image& image) {
  for (size_t i = 0; i < image.pixels.size(); ++i) ++counts_[i % 3][image.pixels[i]];
  pixels_ += image.height * image.width;
  ++pictures_;
}

void PictureHistogram::add(const PictureHistogram& other) {
  for (size_t channel = 0; channel < 3; ++channel) {
    for (size_t value = 0; value < 256; ++value) counts_[channel][value] += other.counts_[channel][value];
  }
  pixels_ += other.pixels_;
  pictures_ += other.pictures_;
}

double PictureHistogram::quantile(size_t channel, double part) const {
  const auto place = static_cast<int64_t>(std::llround(part * static_cast<double>(pixels_ - 1)));
  int64_t below = 0;
  size_t value = 0;
  while (value < 255 && below + counts_[channel][value] <= place) below += counts_[channel][value++];
  return static_cast<double>(value) / 255;
}

LeRobotStatistics PictureHistogram::statistics() const {
  LeRobotStatistics statistics{{}, pictures_};
  for (size_t channel = 0; channel < 3; ++channel) {
    double sum = 0, squares = 0;
    for (size_t value = 0; value < 256; ++value) {
      const double brightness = static_cast<double>(value) / 255;
      sum += static_cast<double>(counts_[channel][value]) * brightness;
      squares += static_cast<double>(counts_[channel][value]) * brightness * brightness;
    }
    const double mean = sum / static_cast<double>(pixels_);
    const double variance = squares / static_cast<double>(pixels_) - mean * mean;
    statistics.values["mean"].push_back(mean);
    statistics.values["std"].push_back(std::sqrt(std::max(variance, 0.0)));
    statistics.values["min"].push_back(quantile(channel, 0));
    statistics.values["max"].push_back(quantile(channel, 1));
    for (const auto& [name, part] : kQuantiles) statistics.values[name].push_back(quantile(channel, part));
  }
  return statistics;
}

}  // namespace physgen
