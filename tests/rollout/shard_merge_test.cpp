#include "rollout/shard_merge.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "physgen/core/config.h"
#include "rollout/evaluation_fixture.h"
#include "rollout/recorded_actions.h"
#include "rollout/shard.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

/// Two tasks of five episodes.
RolloutConfig suite_config() {
  RolloutConfig config = config_of(5);
  config.environment = "fake:all";
  config.tasks = {"Stay-v1", "Reach-v1"};
  return config;
}

EvaluationOptions shard_options(const fs::path& out, const std::string& shard) {
  EvaluationOptions options = options_of(out / parse_shard(shard).folder(), 2);
  options.command = "physgen rollout --env fake:all --shard auto --out 'an out'";
  return options;
}

EvaluationResult run_suite(RolloutConfig config, const EvaluationOptions& options, const std::string& shard = "") {
  config.shard = shard;
  return evaluate(config, options, suite_environment, walking_policy, {}, kNeverStop);
}

/// Runs shards of three; returns their folders.
std::vector<fs::path> run_shards(const RolloutConfig& config, const fs::path& out,
                                 const std::vector<std::string>& shards = {"1/3", "2/3", "3/3"}) {
  std::vector<fs::path> folders;
  for (const std::string& shard : shards) {
    const EvaluationOptions options = shard_options(out, shard);
    run_suite(config, options, shard);
    folders.emplace_back(options.out);
  }
  return folders;
}

/// The records without what the clock says.
std::vector<nlohmann::json> timeless_journal(const fs::path& folder) {
  std::vector<nlohmann::json> lines = journal_of(folder);
  for (nlohmann::json& line : lines) {
    for (const char* key : {"seconds", "policy_ms_p50", "policy_seconds"}) line.erase(key);
  }
  return lines;
}

nlohmann::json timeless(nlohmann::json summary) {
  for (const char* key : {"ms_per_round", "slowdown", "command", "version", "shards"}) summary.erase(key);
  if (summary.contains("tasks")) {
    for (nlohmann::json& task : summary["tasks"]) task = timeless(task);
  }
  return summary;
}

nlohmann::json timeless_summary(const fs::path& folder) {
  return timeless(nlohmann::json::parse(read_bytes(folder / "summary.json")));
}

void expect_same_evaluation(const fs::path& merged, const fs::path& whole) {
  EXPECT_EQ(timeless_journal(merged), timeless_journal(whole));
  EXPECT_EQ(read_bytes(merged / "rollout.json"), read_bytes(whole / "rollout.json"));
  EXPECT_EQ(timeless_summary(merged), timeless_summary(whole));
  for (const EpisodeRecord& record : read_evaluation(whole).result.records) {
    EXPECT_EQ(read_recorded_actions(merged, record.episode), read_recorded_actions(whole, record.episode));
  }
}

TEST_F(Evaluation, InShardsMergesToWhatItIsInOnePiece) {
  const TemporaryFolder folder;
  run_suite(suite_config(), options_of(folder / "whole"));
  const std::vector<fs::path> shards = run_shards(suite_config(), folder / "out");
  const ShardMerge merge = merge_shards(shards, {.out = folder / "merged", .command = "physgen report --merge"});
  EXPECT_TRUE(merge.missing.empty() && merge.repeated.empty());
  expect_same_evaluation(folder / "merged", folder / "whole");

  const EvaluationReport merged = read_evaluation(folder / "merged"), whole = read_evaluation(folder / "whole");
  EXPECT_FALSE(merged.result.stopped);
  EXPECT_EQ(merged.command, "physgen report --merge");
  ASSERT_EQ(merged.shards.size(), 3u);
  EXPECT_EQ(merged.shards[1].folder, shards[1]);
  EXPECT_EQ(merged.shards[1].shard, "2/3");
  EXPECT_EQ(merged.shards[1].command, "physgen rollout --env fake:all --shard auto --out 'an out'");
  const PairedComparison paired = compare(merged, whole);
  EXPECT_EQ(paired.both + paired.neither, 10);
  EXPECT_EQ(paired.unpaired, 0);
  const std::string page = read_bytes(folder / "merged" / "report.html");
  EXPECT_EQ(page, html_of(merged));
  EXPECT_TRUE(contains(page, "merged: shard 2/3"));
  EXPECT_FALSE(contains(page, "Incomplete"));
}

TEST_F(Evaluation, AShardIsAnEvaluationOfItsOwnEpisodes) {
  const TemporaryFolder folder;
  const std::vector<fs::path> shards = run_shards(suite_config(), folder / "out");
  const EvaluationReport second = read_evaluation(shards[1]);
  std::vector<int64_t> episodes;
  for (const EpisodeRecord& record : second.result.records) episodes.push_back(record.episode);
  EXPECT_EQ(episodes, std::vector<int64_t>({1, 4, 7}));
  EXPECT_EQ(second.result.summary.episodes, 3);
  EXPECT_EQ(second.result.tasks[0].summary.episodes, 2);
  EXPECT_EQ(second.result.tasks[1].summary.episodes, 1);
  EXPECT_FALSE(second.result.stopped);
  EXPECT_TRUE(contains(html_of(second), "<h1>fake:all, shard 2/3</h1>"));
  const Problem problem = problem_of<ConfigError>([&] { run_suite(suite_config(), options_of(shards[1]), "3/3"); });
  EXPECT_TRUE(contains(problem.where, "rollout.json: shard")) << problem.where;
}

TEST_F(Evaluation, FilmsOfShardsAreThoseOfTheWhole) {
  const TemporaryFolder folder;
  RolloutConfig config = config_of(4);
  const auto film = [&](const std::string& shard, EvaluationOptions options) {
    options.video = folder / "films";
    options.videos = 2;
    config.shard = shard;
    run(config, options);
    return fs::path(options.out);
  };
  const fs::path whole = film("", options_of(folder / "whole"));
  const fs::path first = film("1/2", shard_options(folder / "out", "1/2"));
  const fs::path second = film("2/2", shard_options(folder / "out", "2/2"));
  merge_shards({first, second}, {.out = folder / "merged"});
  expect_same_evaluation(folder / "merged", whole);
  const std::string page = read_bytes(folder / "merged" / "report.html");
  EXPECT_TRUE(contains(page, "href=\"../films/episode_0000_seed_10_"));
  EXPECT_TRUE(contains(page, "href=\"../films/episode_0001_seed_11_"));
}

TEST_F(Evaluation, AShardWithoutEpisodesIsAllowed) {
  const TemporaryFolder folder;
  const EvaluationResult none = run_suite(suite_config(), shard_options(folder / "out", "12/12"), "12/12");
  EXPECT_EQ(none.summary.episodes, 0);
  EXPECT_FALSE(none.stopped);
  run_suite(suite_config(), options_of(folder / "whole"));
  merge_shards({folder / "out" / "shard-12-of-12", folder / "whole"}, {.out = folder / "merged"});
  expect_same_evaluation(folder / "merged", folder / "whole");
}

/// Ends a shard by SIGKILL when it has a result.
void kill_shard(const RolloutConfig& config, const EvaluationOptions& options, const std::string& shard) {
  const pid_t child = fork();
  if (child == 0) {
    run_suite(config, options, shard);
    _exit(0);
  }
  for (int wait = 0; wait < 12'000 && journal_of(options.out).empty(); ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST_F(Evaluation, AKilledShardContinuesAndMerges) {
  const TemporaryFolder folder;
  RolloutConfig config = suite_config();
  config.episodes = 20;
  run_suite(config, options_of(folder / "whole"));
  std::vector<fs::path> shards = run_shards(config, folder / "out", {"1/2"});
  const EvaluationOptions options = shard_options(folder / "out", "2/2");
  shards.emplace_back(options.out);
  {
    const FakeFaults slow{{"FAKE_STEP_SECONDS", "0.01"}};
    kill_shard(config, options, "2/2");
  }
  const size_t before = journal_of(options.out).size();
  EXPECT_GT(before, 0u);
  EXPECT_LT(before, 20u);
  const Problem problem = problem_of<ConfigError>([&] { merge_shards(shards, {.out = folder / "merged"}); });
  EXPECT_TRUE(
      problem.next_step.starts_with("finish them with: physgen rollout --env fake:all --shard 2/2 --out 'an out'\n"))
      << problem.next_step;
  run_suite(config, options, "2/2");
  EXPECT_EQ(journal_of(options.out).size(), 20u);
  merge_shards(shards, {.out = folder / "merged"});
  expect_same_evaluation(folder / "merged", folder / "whole");
}

TEST_F(Evaluation, ShardsOfOthersAreRefusedByWhatDiffers) {
  const TemporaryFolder folder;
  const std::vector<fs::path> shards = run_shards(suite_config(), folder / "out", {"1/3"});
  const auto refused = [&](const auto& change) {
    const TemporaryFolder other;
    fs::create_directories(other / "other");
    RolloutConfig config = suite_config();
    config.shard = "2/3";
    change(config);
    write_bytes(other / "other" / "rollout.json", write_config(config));
    const Problem problem = problem_of<ConfigError>([&] {
      merge_shards({shards[0], other / "other"}, {.out = folder / "merged"});
    });
    EXPECT_TRUE(contains(problem.where, "other/rollout.json: ")) << problem.where;
    EXPECT_TRUE(contains(problem.expected, "as in " + shards[0].string())) << problem.expected;
    return problem.what;
  };
  EXPECT_EQ(refused([](RolloutConfig& config) { config.checkpoint_sha256 = "4567"; }),
            "the shards are of different checkpoints");
  EXPECT_EQ(refused([](RolloutConfig& config) { config.environment = "fake:other"; }),
            "the shards are of different environments");
  EXPECT_EQ(refused([](RolloutConfig& config) { config.tasks = {"Reach-v1"}; }),
            "the shards are of different environments");
  EXPECT_EQ(refused([](RolloutConfig& config) { config.max_steps = 7; }), "the shards are of different protocols");
  EXPECT_EQ(refused([](RolloutConfig& config) { config.denoising_steps = 3; }),
            "the shards are of different protocols");
  EXPECT_EQ(refused([](RolloutConfig& config) { config.seed = 11; }), "the shards are of different seeds");
  EXPECT_FALSE(fs::exists(folder / "merged"));
}

TEST_F(Evaluation, AnEpisodeOfTwoShardsCountsOnceWhereItIsTheSame) {
  const TemporaryFolder folder;
  run_suite(suite_config(), options_of(folder / "whole"));
  std::vector<fs::path> shards = run_shards(suite_config(), folder / "out");
  shards.push_back(run_shards(suite_config(), folder / "again", {"2/3"})[0]);
  const ShardMerge merge = merge_shards(shards, {.out = folder / "merged"});
  EXPECT_EQ(merge.repeated, std::vector<int64_t>({1, 4, 7}));
  expect_same_evaluation(folder / "merged", folder / "whole");
}

TEST_F(Evaluation, AnEpisodeWithTwoResultsIsRefused) {
  const TemporaryFolder folder;
  std::vector<fs::path> shards = run_shards(suite_config(), folder / "out");
  shards.push_back(run_shards(suite_config(), folder / "again", {"2/3"})[0]);
  std::string journal = read_bytes(shards[3] / "episodes.jsonl");
  const size_t steps = journal.find("\"control_steps\":", journal.find("\"episode\":1,"));
  write_bytes(shards[3] / "episodes.jsonl", journal.replace(steps, 16, "\"control_steps\":777"));
  const Problem problem = problem_of<FormatError>([&] { merge_shards(shards, {.out = folder / "merged"}); });
  EXPECT_EQ(problem.what, "episode 1 (Stay-v1, seed 11) has two results");
  EXPECT_EQ(problem.where, (shards[3] / "episodes.jsonl").string());
  EXPECT_TRUE(contains(problem.got, "after 777")) << problem.got;
  EXPECT_TRUE(contains(problem.expected, "as in " + shards[1].string())) << problem.expected;
  EXPECT_FALSE(fs::exists(folder / "merged"));
}

TEST_F(Evaluation, MissingEpisodesAreNamedWithTheCommandThatRunsThem) {
  const TemporaryFolder folder;
  const std::vector<fs::path> shards = run_shards(suite_config(), folder / "out", {"2/3"});
  const Problem problem = problem_of<ConfigError>([&] { merge_shards(shards, {.out = folder / "merged"}); });
  EXPECT_EQ(problem.what, "episodes have no result");
  EXPECT_EQ(problem.got, "3 of 10, without episode 0, 2, 3, 5, 6, 8, 9");
  EXPECT_EQ(problem.next_step,
            "finish them with: physgen rollout --env fake:all --shard 1/3 --out 'an out'\n"
            "  and so with --shard 3/3\n"
            "  or merge what is there: --allow-missing");
  EXPECT_FALSE(fs::exists(folder / "merged"));
  fs::remove(shards[0] / "summary.json");
  EXPECT_TRUE(contains(problem_of<ConfigError>([&] { merge_shards(shards, {.out = folder / "merged"}); }).next_step,
                       "physgen rollout --shard 1/3 and the flags of the other shards"));
}

TEST_F(Evaluation, AMergeThatMayMissEpisodesSaysSoAndIsReplacedByTheWhole) {
  const TemporaryFolder folder;
  run_suite(suite_config(), options_of(folder / "whole"));
  const std::vector<fs::path> shards = run_shards(suite_config(), folder / "out");
  const ShardMerge part = merge_shards({shards[0], shards[2]}, {.out = folder / "merged", .allow_missing = true});
  EXPECT_EQ(part.missing, std::vector<int64_t>({1, 4, 7}));
  EXPECT_TRUE(read_evaluation(folder / "merged").result.stopped);
  EXPECT_TRUE(contains(read_bytes(folder / "merged" / "report.html"), "Incomplete: 3 of 10 episodes have no result."));
  merge_shards(shards, {.out = folder / "merged"});
  expect_same_evaluation(folder / "merged", folder / "whole");
}

TEST_F(Evaluation, AMergeOverwritesNothingButAnEarlierOne) {
  const TemporaryFolder folder;
  const std::vector<fs::path> shards = run_shards(suite_config(), folder / "out");
  const auto refused = [&](const fs::path& out) {
    const Problem problem = problem_of<ConfigError>([&] { merge_shards(shards, {.out = out}); });
    EXPECT_EQ(problem.where, "--out");
    return problem.got;
  };
  EXPECT_EQ(refused(""), "nothing");
  EXPECT_TRUE(contains(refused(folder / "out"), "which holds the shard"));
  EXPECT_TRUE(contains(refused(shards[1]), "which holds the shard"));
  fs::create_directories(folder / "mine");
  write_bytes(folder / "mine" / "notes", "mine");
  EXPECT_TRUE(contains(refused(folder / "mine"), "which holds something else"));
  EXPECT_TRUE(contains(refused(folder / "mine" / "notes"), "a file"));
  run(config_of(1), options_of(folder / "whole"));
  EXPECT_TRUE(contains(refused(folder / "whole"), "which holds something else"));
}

TEST_F(Evaluation, AMergeThatFailsLeavesTheEarlierOneAsItWas) {
  const TemporaryFolder folder;
  run_suite(suite_config(), options_of(folder / "whole"));
  const std::vector<fs::path> shards = run_shards(suite_config(), folder / "out");
  merge_shards(shards, {.out = folder / "merged"});
  fs::remove(shards[2] / "actions" / "episode_0008.safetensors");
  const Problem problem = problem_of<ConfigError>([&] { merge_shards(shards, {.out = folder / "merged"}); });
  EXPECT_TRUE(problem.where.ends_with("shard-3-of-3/actions/episode_0008.safetensors")) << problem.where;
  expect_same_evaluation(folder / "merged", folder / "whole");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path())) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, std::vector<std::string>({"merged", "out", "whole"}));
}

}  // namespace
}  // namespace physgen
