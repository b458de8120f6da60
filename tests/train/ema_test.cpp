
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/problem_of.h"
#include "train/ema.h"

namespace physgen {
namespace {

TEST(Ema, ItsDecayGrowsWithTheSteps) {
  const at::Tensor parameter = at::zeros({2});
  Ema ema({{"weight", parameter}}, 0.9);
  parameter.fill_(1);
  ema.update(1);  // decay 2 / 11
  EXPECT_NEAR(ema.averages()[0].second[0].item<double>(), 9.0 / 11, 1e-6);
  ema.update(1000);  // decay 0.9
  EXPECT_NEAR(ema.averages()[0].second[1].item<double>(), 1 - 0.9 * 2 / 11, 1e-6);
}

TEST(Ema, AverageOfWhatDoesNotChangeIsThatExactly) {
  const at::Tensor parameter = at::rand({100});
  Ema ema({{"weight", parameter}}, 0.999);
  for (int64_t step = 1; step < 50; ++step) ema.update(step);
  EXPECT_TRUE(at::equal(ema.averages()[0].second, parameter));
}

TEST(Ema, AScopePutsTheAveragesInPlaceAndTakesThemBack) {
  const at::Tensor parameter = at::zeros({1});
  Ema ema({{"weight", parameter}}, 0.9);
  parameter.fill_(5);
  {
    const EmaScope scope(ema);
    EXPECT_EQ(parameter.item<double>(), 0);
  }
  EXPECT_EQ(parameter.item<double>(), 5);
  EXPECT_EQ(ema.averages()[0].second.item<double>(), 0);
}

}  // namespace
}  // namespace physgen
