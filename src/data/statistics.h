#pragma once

#include <cstdint>
#include <vector>

#include <physgen/core/matrix.h>
#include <physgen/data/demonstration_dataset.h>

namespace physgen {

/// What is known of each column of some rows. Quantiles are exact, interpolated linearly between rows; `std` is that of
/// the rows themselves (divided by their number).
struct Statistics {
  std::vector<double> min;
  std::vector<double> max;
  std::vector<double> mean;
  std::vector<double> std;
  std::vector<double> q01;  ///< 1 % of the rows are below
  std::vector<double> q99;
  int64_t count = 0;  ///< rows
};

template <class Field>
void describe(Statistics& statistics, Field& field) {
  field("min", statistics.min);
  field("max", statistics.max);
  field("mean", statistics.mean);
  field("std", statistics.std);
  field("q01", statistics.q01);
  field("q99", statistics.q99);
  field("count", statistics.count);
}

/// The rows of some matrices of equal width, one after the other; without any [0, 0].
Matrix join_rows(const std::vector<Matrix>& parts);

/// Throws ConfigError without rows.
Statistics statistics_of(const Matrix& rows);

/// Of the actions and of the states of some episodes; `states` is empty (count 0) where the data has none.
struct EpisodeStatistics {
  Statistics actions;
  Statistics states;
};

template <class Field>
void describe(EpisodeStatistics& statistics, Field& field) {
  field("actions", statistics.actions);
  field("states", statistics.states);
}

/// Reads these episodes. Throws FormatError as `read` does, ConfigError without episodes.
EpisodeStatistics episode_statistics(const DemonstrationDataset& dataset, const std::vector<int64_t>& episodes);
/// Of all episodes.
EpisodeStatistics episode_statistics(const DemonstrationDataset& dataset);

}  // namespace physgen
