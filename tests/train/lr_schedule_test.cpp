#include "physgen/train/lr_schedule.h"

#include <gtest/gtest.h>

namespace physgen {
namespace {

TEST(LearningRateTest, ItWarmsUpInAStraightLine) {
  const LearningRateConfig config{.peak = 1, .warm_up_steps = 4};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 0, 100), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 3, 100), 1);
}

TEST(LearningRateTest, ACosineGoesFromThePeakOverHalfOfItToItsEnd) {
  const LearningRateConfig config{.peak = 2, .final_fraction = 0.1};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 0, 101), 2);
  EXPECT_NEAR(learning_rate_at(config, 50, 101), 1.1, 1e-12);
  EXPECT_NEAR(learning_rate_at(config, 100, 101), 0.2, 1e-12);
}

TEST(LearningRateTest, StepsPastTheEndHaveTheRateOfTheLast) {
  const LearningRateConfig config{.peak = 2, .final_fraction = 0.5};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 1000, 10), 1);
}

TEST(LearningRateTest, AConstantStaysAtThePeak) {
  const LearningRateConfig config{.shape = LearningRateShape::constant, .peak = 3, .warm_up_steps = 2};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2, 10), 3);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 9, 10), 3);
}

TEST(LearningRateTest, ARunOfOneStepHasARate) { EXPECT_DOUBLE_EQ(learning_rate_at({.peak = 1}, 0, 1), 1); }

}  // namespace
}  // namespace physgen
