#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <physgen/core/matrix.h>
#include <physgen/media/image.h>

namespace physgen {

/// What LeRobot keeps of a feature: min, max, mean, std, q01, q10, q50, q90 and q99, by column.
struct LeRobotStatistics {
  std::map<std::string, std::vector<double>> values;
  int64_t count = 0;  ///< rows
};

/// Of the columns of some rows.
LeRobotStatistics lerobot_statistics(const Matrix& rows);

/// How often each brightness of each channel occurs in some pictures: exact statistics whatever their number.
class PictureHistogram {
 public:
  void add(const Image& image);
  void add(const PictureHistogram& other);
  /// Of the channels, in [0, 1]; `count` is the number of pictures.
  LeRobotStatistics statistics() const;

 private:
  double quantile(size_t channel, double part) const;

  std::array<std::array<int64_t, 256>, 3> counts_ = {};
  int64_t pixels_ = 0;
  int64_t pictures_ = 0;
};

}  // namespace physgen
