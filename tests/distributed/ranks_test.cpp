#include "distributed/ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/torch.h>

#include <algorithm>

#include "core/stopwatch.h"
#include "support/problem_of.h"
#include "support/test_ranks.h"

namespace physgen {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

/// Each test is run by all ranks at once, which meet anew for it. The last of them does what the others do not.
class RanksTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!ranks_) GTEST_SKIP() << "of several processes: tests/distributed/together";
  }

  bool is_last() const { return ranks_->rank() == ranks_->size() - 1; }
  std::string last() const { return "rank " + std::to_string(ranks_->size() - 1); }

  at::Tensor parameter(int64_t rows, double value) const {
    return at::full({rows, 1 << 20}, value, at::TensorOptions(test_device())).set_requires_grad(true);
  }

  static constexpr std::chrono::seconds kTimeout{4};

  std::unique_ptr<Ranks> ranks_ = test_ranks(kTimeout);
};

/// Of at least two.
class OtherRanksTest : public RanksTest {
 protected:
  void SetUp() override {
    if (!ranks_ || ranks_->size() == 1) GTEST_SKIP() << "of several processes: tests/distributed/together";
  }
};

TEST_F(RanksTest, SumsAsManyNumbersAsThereAre) {
  for (const size_t count : {0, 1, 64, 500}) {
    std::vector<double> numbers(count);
    for (size_t i = 0; i < count; ++i) numbers[i] = static_cast<double>(i) + ranks_->rank();
    numbers = ranks_->sum(numbers);
    const int ranks = ranks_->size();
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(numbers[i], static_cast<double>(i) * ranks + ranks * (ranks - 1) / 2.0) << i << " of " << count;
    }
  }
}

TEST_F(OtherRanksTest, NamesTheFirstLineOfATextThatDiffers) {
  ranks_->require_same("a\nb", "the letters");
  const std::string own = is_last() ? "{\n  \"seed\": 7\n}" : "{\n  \"seed\": 0\n}";
  const Problem problem = problem_of<ConfigError>([&] { ranks_->require_same(own, "the job"); });
  EXPECT_EQ(problem.what, "the processes that train together do not agree in the job");
  EXPECT_EQ(problem.where, last());
  EXPECT_EQ(problem.got, "\"seed\": 7");
  EXPECT_EQ(problem.expected, "\"seed\": 0, as rank 0 has it");
}

TEST_F(RanksTest, SumsGradientsOfAllPartsWhileTheBackwardPassRuns) {
  const std::vector<at::Tensor> parameters = {parameter(8, 1), parameter(8, 2), parameter(8, 3)};
  std::vector<SumTime> times;
  ranks_->on_sums = [&](const std::vector<SumTime>& sums) { times = sums; };
  ranks_->watch(parameters);
  const double own = ranks_->rank() + 1, all = ranks_->size() * (ranks_->size() + 1) / 2.0;
  for (const bool last : {false, true}) {
    at::Tensor x = at::ones({1 << 20}, at::TensorOptions(test_device()));
    for (const at::Tensor& factor : parameters) x = (x * factor).sum(0) / 8;
    ranks_->backward(own * x.mean(), last);
  }
  // The mean of the product of 1, 2 and 3, whose share in one number of a factor is 1 of 8 rows.
  for (size_t i = 0; i < parameters.size(); ++i) {
    const double expected = 2 * all * 6 / (static_cast<double>(i) + 1) / 8 / (1 << 20);
    EXPECT_TRUE(at::allclose(parameters[i].grad(), at::full_like(parameters[i], expected), 1e-5, 1e-12)) << i;
  }
  if (test_device().is_cuda()) return;
  ASSERT_EQ(times.size(), 3U);
  EXPECT_GT(times[0].began, 0);
  EXPECT_LT(times[0].began, times[2].began);  // the last begins when the last gradient is there
  for (const SumTime& time : times) EXPECT_LT(time.began, time.ended);
}

TEST_F(OtherRanksTest, RefusesToTrainDifferentParameters) {
  const Problem problem = problem_of<ConfigError>([&] { ranks_->watch({parameter(is_last() ? 3 : 2, 0)}); });
  EXPECT_EQ(problem.got, "[3, 1048576]");
}

TEST_F(OtherRanksTest, NamesTheRankThatMakesOneCallFewer) {
  ranks_->sum({1});
  const Problem problem = problem_of<Error>([&] {
    if (!is_last()) ranks_->sum({1, 2});
    ranks_->sum({1, 2, 3});
  });
  EXPECT_EQ(problem.what, "the processes that train together have lost each other");
  EXPECT_THAT(problem.got, HasSubstr("they do different things; "));
  EXPECT_THAT(problem.got, ContainsRegex(last() + ": .*call 3 \\(sum of 3 numbers\\)"));
  EXPECT_THAT(problem.got, HasSubstr("call 3 (sum of 2 numbers)"));
}

TEST_F(OtherRanksTest, NamesTheRankThatSumsAsManyNumbersOnceMore) {
  const Problem problem = problem_of<Error>([&] {
    ranks_->sum({1, 2});
    if (is_last()) ranks_->sum({1, 2});
    ranks_->sum({1});
  });
  EXPECT_THAT(problem.got, ContainsRegex(last() + ": .*call 3 \\(sum of 2 numbers\\)"));
}

TEST_F(OtherRanksTest, NamesTheRankThatSumsNumbersInsteadOfGradients) {
  const at::Tensor x = parameter(1, 2);
  ranks_->watch({x});
  const Stopwatch stopwatch;
  const Problem problem =
      problem_of<Error>([&] { is_last() ? (void)ranks_->sum({1}) : ranks_->backward(x.sum(), true); });
  EXPECT_LT(stopwatch.seconds(), 3 * kTimeout.count());
  EXPECT_THAT(problem.got, ContainsRegex(last() + ": .*\\(sum of 1 numbers\\)"));
  EXPECT_THAT(problem.got, HasSubstr("(backward pass)"));
}

TEST_F(OtherRanksTest, NamesTheRankThatHasEnded) {
  if (is_last()) {
    ranks_.reset();
    return;
  }
  const Problem problem = problem_of<Error>([&] { ranks_->sum({1}); });
  EXPECT_THAT(problem.got, HasSubstr(last() + ": ended after call 1 (meeting)"));
}

TEST_F(OtherRanksTest, DoesNotWaitForARankThatHasEnded) {
  if (is_last()) {
    ranks_.reset();
    return;
  }
  const Stopwatch stopwatch;
  const Problem problem = problem_of<Error>([&] { ranks_->meet(); });
  EXPECT_LT(stopwatch.seconds(), kTimeout.count());
  EXPECT_THAT(problem.got, HasSubstr("a process has ended; "));
  EXPECT_THAT(problem.got, HasSubstr(last() + ": ended after call 1 (meeting)"));
}

}  // namespace
}  // namespace physgen
