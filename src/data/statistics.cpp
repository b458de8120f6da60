#include "data/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <physgen/core/error.h>
#include <physgen/core/statistics.h>

namespace physgen {
namespace {

void add_column(std::vector<double> values, Statistics& statistics) {
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  statistics.min.push_back(values.front());
  statistics.max.push_back(values.back());
  statistics.mean.push_back(mean);
  statistics.std.push_back(std::sqrt(squares / count));
  statistics.q01.push_back(quantile(values, 0.01));
  statistics.q99.push_back(quantile(values, 0.99));
}

}  // namespace

Matrix join_rows(const std::vector<Matrix>& parts) {
  int64_t rows = 0;
  for (const Matrix& part : parts) rows += part.rows();
  Matrix joined(rows, parts.empty() ? 0 : parts[0].cols());
  int64_t row = 0;
  for (const Matrix& part : parts) {
    joined.middleRows(row, part.rows()) = part;
    row += part.rows();
  }
  return joined;
}

Statistics statistics_of(const Matrix& rows) {
  if (rows.rows() < 1) {
    throw ConfigError({"statistics need rows", "statistics_of", "0 rows", "at least 1", "name at least one episode"});
  }
  Statistics statistics;
  statistics.count = rows.rows();
  for (int64_t column = 0; column < rows.cols(); ++column) {
    const auto values = rows.col(column);
    add_column({values.begin(), values.end()}, statistics);
  }
  return statistics;
}

EpisodeStatistics episode_statistics(const DemonstrationDataset& dataset, const std::vector<int64_t>& episodes) {
  std::vector<Matrix> actions;
  std::vector<Matrix> states;
  for (const int64_t index : episodes) {
    Episode episode = dataset.read(index);
    actions.push_back(std::move(episode.actions));
    if (dataset.state_width() > 0) states.push_back(std::move(episode.states));
  }
  EpisodeStatistics statistics{statistics_of(join_rows(actions)), {}};
  if (!states.empty()) statistics.states = statistics_of(join_rows(states));
  return statistics;
}

EpisodeStatistics episode_statistics(const DemonstrationDataset& dataset) {
  std::vector<int64_t> episodes(static_cast<size_t>(dataset.size()));
  std::iota(episodes.begin(), episodes.end(), 0);
  return episode_statistics(dataset, episodes);
}

}  // namespace physgen
