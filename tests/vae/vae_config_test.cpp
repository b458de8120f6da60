#include "physgen/vae/vae_config.h"

#include <gtest/gtest.h>

#include "physgen/core/config.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

Problem problem_of_config(const VaeConfig& config) {
  return problem_of<ConfigError>([&] { check(config); });
}

TEST(VaeConfigTest, TheDefaultsAreNovasVaeWithEightPixelsToOneLatent) {
  const VaeConfig config;
  check(config);
  EXPECT_EQ(config.stride(), 8);
}

TEST(VaeConfigTest, ThePatchCountsTowardsTheStride) {
  EXPECT_EQ((VaeConfig{.widths = {32, 64, 96}, .patch = 2}.stride()), 8);
}

TEST(VaeConfigTest, AWidthThatTheGroupsDoNotDivideIsNamed) {
  const Problem problem = problem_of_config({.widths = {128, 200}, .norm_groups = 32});
  EXPECT_EQ(problem.where, "widths[1]");
  EXPECT_EQ(problem.got, "200");
  EXPECT_EQ(problem.expected, "a multiple of norm_groups (32)");
}

TEST(VaeConfigTest, OneLevelIsTooFewAndSevenAreTooMany) {
  EXPECT_EQ(problem_of_config({.widths = {128}}).got, "1 widths");
  EXPECT_EQ(problem_of_config({.widths = std::vector<int64_t>(7, 32)}).got, "7 widths");
}

TEST(VaeConfigTest, TwoTapsAreRefused) {
  const Problem problem = problem_of_config({.time_taps = 2});
  EXPECT_EQ(problem.where, "time_taps");
  EXPECT_EQ(problem.expected, "0, 1 or 3");
}

TEST(VaeConfigTest, LatentStatisticsHaveOneNumberAChannel) {
  EXPECT_EQ(problem_of_config({.latent_mean = {0, 0, 0, 0}}).where, "latent_deviation");
  EXPECT_EQ(problem_of_config({.latent_mean = {0}, .latent_deviation = {1, 1, 1, 1}}).where, "latent_mean");
}

TEST(VaeConfigTest, ALatentDeviationOfZeroIsRefused) {
  const Problem problem = problem_of_config({.latent_mean = {0, 0, 0, 0}, .latent_deviation = {1, 0, 1, 1}});
  EXPECT_EQ(problem.where, "latent_deviation");
  EXPECT_EQ(problem.expected, "numbers greater than 0");
}

TEST(VaeConfigTest, WhatIsWrittenIsReadBack) {
  const VaeConfig config{
      .widths = {8, 16}, .norm_groups = 4, .latent_mean = {1, 2, 3, 4}, .latent_deviation = {1, 1, 1, 2}};
  const auto read = ConfigDocument::parse(write_config(config), "config.json").read(VaeConfig{});
  EXPECT_EQ(read.widths, config.widths);
  EXPECT_EQ(read.latent_mean, config.latent_mean);
  EXPECT_EQ(read.latent_deviation, config.latent_deviation);
}

}  // namespace
}  // namespace physgen
