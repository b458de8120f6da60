#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include <physgen/core/config.h>
#include <physgen/core/error.h>

#include "data/demonstration_writer.h"
#include "data/statistics.h"

namespace physgen {
namespace {

TEST(Statistics, QuantilesAreInterpolatedAsNumpyDoes) {
  Matrix rows(5, 2);
  rows << 4, 0, 1, 0, 3, 0, 0, 0, 2, 7;
  const Statistics statistics = statistics_of(rows);
  EXPECT_EQ(statistics.count, 5);
  EXPECT_DOUBLE_EQ(statistics.min[0], 0);
  EXPECT_DOUBLE_EQ(statistics.max[0], 4);
  EXPECT_DOUBLE_EQ(statistics.mean[0], 2);
  EXPECT_DOUBLE_EQ(statistics.std[0], std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(statistics.q01[0], 0.04);
  EXPECT_DOUBLE_EQ(statistics.q99[0], 3.96);
  EXPECT_DOUBLE_EQ(statistics.q99[1], 6.72);
}

TEST(Statistics, OneRowIsItsOwnQuantile) {
  const Statistics statistics = statistics_of(Matrix::Constant(1, 1, 2.5f));
  EXPECT_DOUBLE_EQ(statistics.q01[0], 2.5);
  EXPECT_DOUBLE_EQ(statistics.q99[0], 2.5);
  EXPECT_DOUBLE_EQ(statistics.std[0], 0);
  EXPECT_THROW(statistics_of(Matrix(0, 3)), ConfigError);
}

TEST(Statistics, AreWrittenAndReadAsJson) {
  Matrix rows(2, 1);
  rows << 0.125f, 0.5f;
  const Statistics statistics = statistics_of(rows);
  const Statistics read = ConfigDocument::parse(write_config(statistics), "statistics").read<Statistics>();
  EXPECT_EQ(read.mean, statistics.mean);
  EXPECT_EQ(read.q99, statistics.q99);
  EXPECT_EQ(read.count, 2);
}

TEST(Statistics, AreTakenOfTheNamedEpisodes) {
  const std::string folder = testing::TempDir() + "statistics_test_" + std::to_string(getpid());
  write_demonstrations(folder + "/a.h5");
  const DemonstrationDataset dataset({folder});
  const DemonstrationSketch sketch;
  const EpisodeStatistics all = episode_statistics(dataset);
  EXPECT_EQ(all.actions.count, 5 + 3);
  EXPECT_EQ(all.states.count, 6 + 4);
  EXPECT_EQ(all.states.min.size(), 9u);
  EXPECT_FLOAT_EQ(static_cast<float>(all.actions.min[2]), sketch.action(0, 0, 2));
  EXPECT_FLOAT_EQ(static_cast<float>(all.actions.max[2]), sketch.action(1, 2, 2));
  const EpisodeStatistics first = episode_statistics(dataset, {0});
  EXPECT_EQ(first.actions.count, 5);
  EXPECT_FLOAT_EQ(static_cast<float>(first.actions.max[2]), sketch.action(0, 4, 2));
  EXPECT_THROW(episode_statistics(dataset, {}), ConfigError);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace physgen
