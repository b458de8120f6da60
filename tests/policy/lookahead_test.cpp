#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "policy/lookahead.h"

namespace physgen {
namespace {

at::Tensor steps(std::initializer_list<float> values) {
  return at::tensor(at::ArrayRef<float>(values)).view({1, -1, 1});
}

TEST(LookaheadPlan, NoneKeepsEachPrediction) {
  LookaheadPlan plan(Lookahead::none, 2);
  plan.plan(steps({1, 2, 3, 4}));
  EXPECT_TRUE(at::equal(plan.plan(steps({5, 6, 7, 8})), steps({5, 6, 7, 8})));
  EXPECT_FALSE(plan.start().defined());
}

TEST(LookaheadPlan, WarmStartMovesThePredictionUpAndHoldsItsEnd) {
  LookaheadPlan plan(Lookahead::warm_start, 2);
  EXPECT_FALSE(plan.start().defined());
  plan.plan(steps({1, 2, 3, 4}));
  EXPECT_TRUE(at::equal(plan.start(), steps({3, 4, 4, 4})));
  plan.clear();
  EXPECT_FALSE(plan.start().defined());
}

TEST(LookaheadPlan, EnsembleAveragesPredictionsOfTheSameStep) {
  LookaheadPlan plan(Lookahead::ensemble, 2);
  plan.plan(steps({1, 2, 3, 4}));
  at::Tensor averaged = plan.plan(steps({5, 6, 7, 8}));
  const double w = std::exp(-0.01);
  EXPECT_NEAR(averaged[0][0].item<double>(), (3 + w * 5) / (1 + w), 1e-5);
  EXPECT_NEAR(averaged[0][1].item<double>(), (4 + w * 6) / (1 + w), 1e-5);
  EXPECT_NEAR(averaged[0][3].item<double>(), 8, 1e-5);
}

}  // namespace
}  // namespace physgen
