#include "physgen/rollout/report.h"

#include <gtest/gtest.h>

#include "rollout/evaluation_fixture.h"
#include "support/duplicate_key.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

EvaluationOptions filmed(const std::filesystem::path& out) {
  EvaluationOptions options = options_of(out);
  options.video = out / "films";
  options.videos = 1;
  options.command = "physgen rollout --env 'a <b>'";
  return options;
}

TEST_F(Evaluation, IsReadBackAsItEnded) {
  const TemporaryFolder folder;
  const EvaluationResult result = run(config_of(12), filmed(folder.path()));
  const EvaluationReport report = read_evaluation(folder.path());
  EXPECT_EQ(outcomes_of(report.result), outcomes_of(result));
  EXPECT_EQ(report.result.summary.successes, result.summary.successes);
  EXPECT_EQ(report.config.seed, 10);
  EXPECT_EQ(report.command, "physgen rollout --env 'a <b>'");
  EXPECT_FALSE(report.version.empty());
}

TEST_F(Evaluation, ADuplicateKeyInAnyOfItsFilesIsRefused) {
  const TemporaryFolder folder;
  run(config_of(2), options_of(folder.path()));
  const auto read = [&] { read_evaluation(folder.path()); };
  expect_duplicate_key_refused<FormatError>(folder / "rollout.json", read);
  expect_duplicate_key_refused<FormatError>(folder / "summary.json", read);
  expect_duplicate_key_refused<FormatError>(folder / "episodes.jsonl", read);
}

TEST_F(Evaluation, ItsPageListsFailuresFirstAndNeedsNoNetwork) {
  const TemporaryFolder folder;
  run(config_of(12), filmed(folder.path()));
  const std::string page = html_of(read_evaluation(folder.path()));
  const size_t table = page.find("Episodes, failures first");
  const size_t failure = page.rfind(">failure<"), success = page.find(">success<", table);
  ASSERT_NE(failure, std::string::npos);
  ASSERT_NE(success, std::string::npos);
  EXPECT_LT(failure, success);
  EXPECT_TRUE(contains(page, "<svg"));
  EXPECT_TRUE(contains(page, "a &lt;b&gt;"));
  EXPECT_TRUE(contains(page, "href=\"films/episode_0000_"));
  EXPECT_TRUE(contains(page, "<video src=\"films/episode_0000_"));
  EXPECT_FALSE(contains(page, "http://") || contains(page, "https://") || contains(page, "<script"));
}

TEST_F(Evaluation, TwoAreComparedEpisodeByEpisode) {
  const TemporaryFolder one, other;
  run(config_of(12), options_of(one.path()));
  RolloutConfig shifted = config_of(12);
  shifted.seed = 11;  // of its episodes 11 are the other's, too
  run(shifted, options_of(other.path()));
  const EvaluationReport first = read_evaluation(one.path()), second = read_evaluation(other.path());
  const PairedComparison paired = compare(first, second);
  EXPECT_EQ(paired.both + paired.neither, 11);
  EXPECT_EQ(paired.first + paired.second, 0);  // an episode depends on its seed alone
  EXPECT_EQ(paired.unpaired, 2);
  EXPECT_EQ(paired.p_value, 1);
  RolloutConfig elsewhere = config_of(2);
  elsewhere.seed = 1000;
  const TemporaryFolder third;
  run(elsewhere, options_of(third.path()));
  EXPECT_EQ(problem_of<ConfigError>([&] { compare(first, read_evaluation(third.path())); }).what,
            "the two evaluations have no episode in common");
}

TEST_F(Evaluation, AFolderWithoutOneIsNoReport) {
  const TemporaryFolder folder;
  EXPECT_EQ(problem_of<ConfigError>([&] { read_evaluation(folder.path()); }).got, "no rollout.json in it");
}

}  // namespace
}  // namespace physgen
