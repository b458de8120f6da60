#include "physgen/core/statistics.h"

#include <gtest/gtest.h>

namespace physgen {
namespace {

struct Known {
  int64_t successes, trials;
  double low, high;
};

// scipy.stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
constexpr Known kKnown[] = {
    {0, 1, 0, 0.793450685622763},     {1, 1, 0.206549314377237, 1},
    {0, 50, 0, 0.0713475991333587},   {47, 50, 0.837829083111618, 0.979385029651026},
    {50, 50, 0.928652400866641, 1},   {63, 125, 0.41754774586667, 0.590213730983664},
    {125, 125, 0.970184606291673, 1}, {499, 500, 0.988759293294853, 0.999646863605441},
};

TEST(Statistics, WilsonIntervalEqualsScipys) {
  for (const Known& known : kKnown) {
    const Interval interval = wilson_interval(known.successes, known.trials);
    EXPECT_NEAR(interval.low, known.low, 1e-12) << known.successes << " of " << known.trials;
    EXPECT_NEAR(interval.high, known.high, 1e-12) << known.successes << " of " << known.trials;
  }
}

TEST(Statistics, AnIntervalWithoutATrialIsEverything) {
  EXPECT_EQ(wilson_interval(0, 0).low, 0);
  EXPECT_EQ(wilson_interval(0, 0).high, 1);
}

TEST(Statistics, McNemarsTestEqualsScipysBinomialTest) {
  EXPECT_NEAR(mcnemar_p_value(1, 9), 0.021484375, 1e-12);
  EXPECT_NEAR(mcnemar_p_value(12, 3), 0.03515625, 1e-12);
  EXPECT_NEAR(mcnemar_p_value(0, 6), 0.03125, 1e-12);
  EXPECT_EQ(mcnemar_p_value(5, 5), 1);
  EXPECT_EQ(mcnemar_p_value(0, 0), 1);
}

TEST(Statistics, QuantilesAreInterpolatedAsNumpyDoes) {
  EXPECT_DOUBLE_EQ(quantile({1, 2, 3, 4}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({1, 2, 3, 4}, 0.95), 3.85);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.1), 7);
  EXPECT_DOUBLE_EQ(quantile({1, 3}, 1), 3);
  EXPECT_DOUBLE_EQ(quantile({}, 0.5), 0);
  EXPECT_DOUBLE_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_DOUBLE_EQ(median({}), 0);
}

}  // namespace
}  // namespace physgen
