#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "rollout/evaluation_fixture.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

TEST_F(Evaluation, WorkerFaultsChangeNoResult) {
  const int64_t episodes = number_from_environment("PHYSGEN_FAULT_EPISODES", 60);
  const TemporaryFolder folder;
  const EvaluationResult calm = run(config_of(episodes), options_of(folder / "calm", 2));
  std::filesystem::create_directories(folder / "attempts");
  const FakeFaults faults{{"FAKE_FAULT_RATE", "0.3"}, {"FAKE_ATTEMPTS", folder / "attempts"}};
  EvaluationOptions options = options_of(folder / "faulty", 2);
  options.retries = 20;
  const EvaluationResult faulty = run(config_of(episodes), options);

  EXPECT_EQ(outcomes_of(calm), outcomes_of(faulty));
  EXPECT_EQ(faulty.summary.infrastructure_errors, 0);
  EXPECT_GT(faulty.summary.retries, episodes / 6);
  EXPECT_EQ(journal_of(folder / "faulty").size(), static_cast<size_t>(episodes));
  for (const EpisodeRecord& record : faulty.records) {
    const auto attempts = std::filesystem::file_size(folder / "attempts" / std::to_string(record.seed));
    EXPECT_EQ(static_cast<int64_t>(attempts), record.retries + 1) << "seed " << record.seed;
  }
}

TEST_F(Evaluation, AnEpisodeThatTheSimulatorAlwaysSpoilsIsNoFailureAndTriedAgainLater) {
  const TemporaryFolder folder;
  EvaluationOptions options = options_of(folder.path());
  options.retries = 1;
  {
    const FakeFaults faults{{"FAKE_FAULT", "sigkill"}, {"FAKE_FAULT_AT", "step"}};
    const EvaluationResult spoiled = run(config_of(2), options);
    EXPECT_EQ(spoiled.summary.infrastructure_errors, 2);
    EXPECT_EQ(spoiled.summary.finished, 0);
    EXPECT_EQ(spoiled.records[0].retries, 1);
    EXPECT_TRUE(contains(spoiled.records[0].infrastructure_error, "signal 9"))
        << spoiled.records[0].infrastructure_error;
    EXPECT_EQ(journal_of(folder.path())[0]["infrastructure_error"], true);
  }
  const EvaluationResult mended = run(config_of(2), options);
  EXPECT_EQ(mended.summary.infrastructure_errors, 0);
  EXPECT_EQ(mended.summary.finished, 2);
  EXPECT_EQ(journal_of(folder.path()).size(), 2u);
}

TEST_F(Evaluation, ASimulatorThatNeverStartsEndsIt) {
  const TemporaryFolder folder;
  const FakeFaults faults{{"FAKE_FAULT", "eof"}, {"FAKE_FAULT_AT", "hello"}};
  EvaluationOptions options = options_of(folder.path());
  options.retries = 1;
  const Problem problem = problem_of<SimulatorFailure>([&] { run(config_of(50), options); });
  EXPECT_TRUE(contains(problem.what, "exit code 3")) << to_text(problem);
  EXPECT_TRUE(contains(problem.where, "fake:Reach-v1, start")) << problem.where;
  EXPECT_TRUE(journal_of(folder.path()).empty());
}

TEST_F(Evaluation, AStoppedEvaluationContinuesWhereItStopped) {
  const TemporaryFolder folder;
  const EvaluationResult whole = run(config_of(12), options_of(folder / "whole"));
  std::atomic<bool> stop = false;
  std::set<int64_t> first;
  const EvaluationResult part = run(
      config_of(12), options_of(folder / "parts", 2),
      [&](const EpisodeRecord& record, const EvaluationSummary& so_far) {
        first.insert(record.episode);
        if (so_far.finished >= 5) stop = true;
      },
      stop);
  EXPECT_TRUE(part.stopped);
  EXPECT_GE(part.summary.finished, 5);
  EXPECT_LE(part.summary.finished, 6);  // the other worker may just have been through
  const EvaluationResult rest = run(
      config_of(12), options_of(folder / "parts"),
      [&](const EpisodeRecord& record, const EvaluationSummary&) { EXPECT_TRUE(first.insert(record.episode).second); });
  EXPECT_FALSE(rest.stopped);
  EXPECT_EQ(outcomes_of(rest), outcomes_of(whole));
}

/// The attempts that the fake simulator counted for each seed of the journal.
std::map<int64_t, uintmax_t> attempts_of(const std::filesystem::path& attempts,
                                         const std::vector<nlohmann::json>& lines) {
  std::map<int64_t, uintmax_t> counted;
  for (const nlohmann::json& line : lines) {
    const int64_t seed = line["seed"];
    counted[seed] = std::filesystem::file_size(attempts / std::to_string(seed));
  }
  return counted;
}

void wait_for_lines(const std::filesystem::path& folder, size_t lines) {
  for (int wait = 0; wait < 12'000 && journal_of(folder).size() < lines; ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_F(Evaluation, AKilledCoordinatorContinuesAndRunsEachEpisodeOnce) {
  const int64_t kills = number_from_environment("PHYSGEN_KILLS", 6);
  const RolloutConfig config = config_of(10 * kills);
  const TemporaryFolder folder;
  const EvaluationResult whole = run(config, options_of(folder / "whole", 2));
  std::filesystem::create_directories(folder / "attempts");
  const FakeFaults settings{{"FAKE_ATTEMPTS", folder / "attempts"}, {"FAKE_STEP_SECONDS", "0.01"}};
  std::mt19937 random(7);
  std::map<int64_t, uintmax_t> settled;
  for (int64_t killed = 0; killed < kills; ++killed) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        run(config, options_of(folder / "killed", 2));
      } catch (...) {
        _exit(1);
      }
      _exit(0);
    }
    wait_for_lines(folder / "killed", settled.size() + 1 + random() % 5);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 80));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    const auto now = attempts_of(folder / "attempts", journal_of(folder / "killed"));
    for (const auto& [seed, count] : settled) EXPECT_EQ(now.at(seed), count) << "seed " << seed << " ran again";
    settled = now;
  }
  EXPECT_GE(settled.size(), static_cast<size_t>(kills));
  const EvaluationResult last = run(config, options_of(folder / "killed", 2));
  EXPECT_EQ(outcomes_of(last), outcomes_of(whole));
  const auto lines = journal_of(folder / "killed");
  EXPECT_EQ(lines.size(), whole.records.size());
  const auto now = attempts_of(folder / "attempts", lines);
  for (const auto& [seed, count] : settled) EXPECT_EQ(now.at(seed), count) << "seed " << seed << " ran again";
}

TEST_F(Evaluation, ATornLastLineIsRunAgain) {
  const TemporaryFolder folder;
  const EvaluationResult whole = run(config_of(3), options_of(folder.path()));
  const std::string journal = read_bytes(folder / "episodes.jsonl");
  write_bytes(folder / "episodes.jsonl", journal.substr(0, journal.size() - 10));
  int64_t again = 0;
  const EvaluationResult mended =
      run(config_of(3), options_of(folder.path()), [&](const EpisodeRecord&, const EvaluationSummary&) { ++again; });
  EXPECT_EQ(again, 1);
  EXPECT_EQ(outcomes_of(mended), outcomes_of(whole));
}

TEST_F(Evaluation, ADamagedRecordIsNamed) {
  const TemporaryFolder folder;
  run(config_of(2), options_of(folder.path()));
  const std::string journal = read_bytes(folder / "episodes.jsonl");
  const auto problem_with = [&](const std::string& contents) {
    write_bytes(folder / "episodes.jsonl", contents);
    return problem_of<FormatError>([&] { run(config_of(2), options_of(folder.path())); });
  };
  const std::string first = journal.substr(0, journal.find('\n') + 1);
  EXPECT_TRUE(contains(problem_with("nonsense\n" + first).where, "episodes.jsonl, line 1"));
  EXPECT_EQ(problem_with("3\n").got, "3");
  EXPECT_EQ(problem_with(first + first).got, "episode 0 a second time");
  std::string other = first;
  other.replace(other.find("\"seed\":10"), 9, "\"seed\":11");
  EXPECT_EQ(problem_with(other).expected, "Reach-v1, seed 10 for episode 0");
  other = first;
  other.replace(other.find("\"episode\":0"), 11, "\"episode\":7");
  EXPECT_EQ(problem_with(other).expected, "an integer from 0 to 1");
}

TEST_F(Evaluation, AnotherConfigIsRefusedInTheSameFolder) {
  const TemporaryFolder folder;
  run(config_of(1), options_of(folder.path()));
  RolloutConfig other = config_of(1);
  other.denoising_steps = 20;
  const Problem problem = problem_of<ConfigError>([&] { run(other, options_of(folder.path())); });
  EXPECT_TRUE(contains(problem.where, "rollout.json: denoising_steps")) << problem.where;
  EXPECT_EQ(problem.got, "20");
  EXPECT_EQ(problem.expected, "0, as there");
  EXPECT_EQ(ConfigError(problem).exit_code(), 2);

  RolloutConfig moved = config_of(1);
  moved.checkpoint = "another/path/to/it";
  moved.worker = "another/path/to/the/worker";
  EXPECT_EQ(run(moved, options_of(folder.path(), 2)).records.size(), 1u);

  std::filesystem::remove(folder / "rollout.json");
  EXPECT_EQ(problem_of<ConfigError>([&] { run(other, options_of(folder.path())); }).got, "no such file");
}

TEST_F(Evaluation, ASecondRunOnTheSameFolderIsRefused) {
  const TemporaryFolder folder;
  bool tried = false;
  run(config_of(2), options_of(folder.path()), [&](const EpisodeRecord&, const EvaluationSummary&) {
    if (std::exchange(tried, true)) return;
    EXPECT_THROW(run(config_of(2), options_of(folder.path())), ConfigError);
  });
  EXPECT_TRUE(tried);
}

}  // namespace
}  // namespace physgen
