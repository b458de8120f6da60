#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "rollout/evaluation_fixture.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

TEST_F(Evaluation, EveryEpisodeIsRunAndSummarised) {
  const TemporaryFolder folder;
  int64_t calls = 0;
  const EvaluationResult result =
      run(config_of(24), options_of(folder.path()), [&](const EpisodeRecord&, const EvaluationSummary& so_far) {
        ++calls;
        EXPECT_EQ(so_far.finished, calls);
        EXPECT_EQ(so_far.episodes, 24);
      });
  EXPECT_EQ(calls, 24);
  EXPECT_FALSE(result.stopped);
  ASSERT_EQ(result.records.size(), 24u);
  for (size_t i = 0; i < 24; ++i) EXPECT_EQ(result.records[i].episode, static_cast<int64_t>(i));
  EXPECT_GT(result.summary.successes, 6);
  EXPECT_LT(result.summary.successes, 24);
  const auto summary = nlohmann::json::parse(read_bytes(folder / "summary.json"));
  EXPECT_EQ(summary["successes"], result.summary.successes);
  EXPECT_EQ(summary["failures"], 24 - result.summary.successes);
  EXPECT_EQ(summary["infrastructure_errors"], 0);
  EXPECT_GT(summary["median_control_steps"], 0);
  EXPECT_EQ(journal_of(folder.path()).size(), 24u);
}

TEST_F(Evaluation, TheResultsDoNotDependOnTheNumberOfWorkers) {
  const TemporaryFolder folder;
  const EvaluationResult one = run(config_of(24), options_of(folder / "one", 1));
  const EvaluationResult two = run(config_of(24), options_of(folder / "two", 2));
  EXPECT_EQ(outcomes_of(one), outcomes_of(two));
}

TEST_F(Evaluation, EveryTaskOfASuiteHasTheSameSeedsAndItsOwnNumbers) {
  const TemporaryFolder folder;
  RolloutConfig config = config_of(3);
  config.tasks = {"Stay-v1", "Reach-v1"};
  const EvaluationResult result =
      evaluate(config, options_of(folder.path(), 2), suite_environment, walking_policy, {}, kNeverStop);
  ASSERT_EQ(result.records.size(), 6u);
  ASSERT_EQ(result.tasks.size(), 2u);
  EXPECT_EQ(result.tasks[1].task, "Reach-v1");
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.records[i].task, "Stay-v1");
    EXPECT_EQ(result.records[i].seed, result.records[i + 3].seed);
  }
  EXPECT_EQ(result.tasks[0].summary.finished, 3);
  EXPECT_EQ(result.tasks[0].summary.successes + result.tasks[1].summary.successes, result.summary.successes);
  const auto summary = nlohmann::json::parse(read_bytes(folder / "summary.json"));
  EXPECT_EQ(summary["tasks"]["Stay-v1"]["finished"], 3);
}

TEST_F(Evaluation, ThePolicyIsToldWhatThePlanSays) {
  const TemporaryFolder folder;
  RolloutConfig config = config_of(1);
  config.tasks = {"Stay-v1", "Reach-v1"};
  config.instructions = {"reach the goal", "stay away from the goal"};
  std::vector<std::string> told;
  const auto listening_policy = [&] {
    RolloutPolicy policy = walking_policy();
    policy.reset = [&, reset = policy.reset](const std::string& instruction, const EpisodeStart& start) {
      told.push_back(instruction);
      reset(instruction, start);
    };
    return policy;
  };
  evaluate(config, options_of(folder.path()), suite_environment, listening_policy, {}, kNeverStop);
  EXPECT_EQ(told, config.instructions);
  config.instructions = {"reach the goal"};
  EXPECT_EQ(problem_of<ConfigError>([&] { plan_episodes(config); }).where, "tasks");
  config.tasks = {"Stay-v1", "Stay-v1"};
  config.instructions = {};
  EXPECT_EQ(problem_of<ConfigError>([&] { plan_episodes(config); }).what, "a task is named twice");
}

TEST_F(Evaluation, ThePolicysOwnErrorEndsIt) {
  const TemporaryFolder folder;
  const auto broken = [] {
    return RolloutPolicy{.reset = [](const std::string&, const EpisodeStart&) {},
                         .act = [](const Observation&, const Matrix&) -> Matrix { return Matrix::Constant(4, 2, NAN); },
                         .execute = 1};
  };
  const Problem problem = problem_of<Error>(
      [&] { evaluate(config_of(4), options_of(folder.path(), 2), fake_environment, broken, {}, kNeverStop); });
  EXPECT_EQ(problem.got, "a number that is not finite");
  EXPECT_TRUE(journal_of(folder.path()).empty());
}

TEST_F(Evaluation, TheFirstEpisodesAreFilmed) {
  const TemporaryFolder folder;
  EvaluationOptions options = options_of(folder / "out");
  options.video = folder / "films";
  options.videos = 2;
  const EvaluationResult plain = run(config_of(3), options_of(folder / "plain"));
  const EvaluationResult filmed = run(config_of(3), options);
  EXPECT_EQ(outcomes_of(plain), outcomes_of(filmed));
  EXPECT_TRUE(contains(filmed.records[0].video, "episode_0000_seed_10_")) << filmed.records[0].video;
  EXPECT_GT(std::filesystem::file_size(filmed.records[0].video), 500u);
  EXPECT_GT(std::filesystem::file_size(filmed.records[1].video), 500u);
  EXPECT_TRUE(filmed.records[2].video.empty());
}

// The imagined picture changes neither the results nor the journal.
TEST_F(Evaluation, FilmsShowBesideWhatTheCameraSawWhatThePolicyExpected) {
  const TemporaryFolder folder;
  EvaluationOptions options = options_of(folder / "out");
  options.video = folder / "films";
  options.videos = 1;
  options.imagine = true;
  int64_t imagined = 0;
  const auto imagining = [&] {
    RolloutPolicy policy = walking_policy();
    policy.imagine = [&] {
      ++imagined;
      return Image{4, 8, std::vector<uint8_t>(4 * 8 * 3, 200)};
    };
    return policy;
  };
  const EvaluationResult plain = run(config_of(2), options_of(folder / "plain"));
  const EvaluationResult filmed = evaluate(config_of(2), options, fake_environment, imagining, {}, kNeverStop);
  EXPECT_EQ(outcomes_of(plain), outcomes_of(filmed));
  EXPECT_EQ(imagined, filmed.records[0].rounds);
  EXPECT_GT(std::filesystem::file_size(filmed.records[0].video), 500u);
}

TEST_F(Evaluation, SeedsOfTheDemonstrationsAreSkipped) {
  EXPECT_EQ(episode_seeds(10, 4, {{12, 13}}), std::vector<int64_t>({10, 11, 14, 15}));
  EXPECT_EQ(episode_seeds(0, 3, {{2, 5}, {0, 0}}), std::vector<int64_t>({1, 6, 7}));
  EXPECT_EQ(episode_seeds(3, 2, {{0, 10}, {4, 6}, {11, 11}}), std::vector<int64_t>({{12, 13}}));
  EXPECT_EQ(episode_seeds(5, 2, {}), std::vector<int64_t>({5, 6}));
  const Problem backwards = problem_of<ConfigError>([] { episode_seeds(0, 1, {{3, 2}}); });
  EXPECT_EQ(backwards.where, "excluded_seeds");
  EXPECT_EQ(backwards.got, "3 to 2");
}

TEST_F(Evaluation, OptionsOutOfRangeAreNamed) {
  EvaluationOptions options = options_of("");
  EXPECT_EQ(problem_of<ConfigError>([&] { run(config_of(1), options); }).where, "--out");
  options = options_of("unused", 0);
  EXPECT_EQ(problem_of<ConfigError>([&] { run(config_of(1), options); }).expected, "1 to 256");
  options = options_of("unused");
  options.retries = -1;
  EXPECT_EQ(problem_of<ConfigError>([&] { run(config_of(1), options); }).where, "--retries");
  options = options_of("unused");
  options.imagine = true;
  EXPECT_EQ(problem_of<ConfigError>([&] { run(config_of(1), options); }).got, "no --video");
}

TEST(EvaluationSummary, ReadsAsASentence) {
  std::vector<EpisodeRecord> records(50);
  for (size_t i = 0; i < 47; ++i) records[i].success = true;
  EXPECT_EQ(success_text(summarize(records, 50)), "success 47 of 50 (94.0 %, 95 % interval 83.8 to 97.9 %)");
}

}  // namespace
}  // namespace physgen
