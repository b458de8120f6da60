#include "physgen/rollout/evaluation.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <thread>
#include <tuple>

#include "physgen/rollout/simulator_process.h"
#include "support/fake_simulator.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

const std::atomic<bool> kNeverStop = false;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

int64_t number_from_environment(const char* name, int64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::atoll(text) : fallback;
}

/// Walks to the goal that it reads off the picture, staggering by a random amount; some seeds walk the other way.
/// Counts its own executed rows, which must agree with the picture of the simulator.
struct Walker {
  explicit Walker(const std::string& told, uint64_t seed) : instruction(told), random(seed), lost(seed % 4 == 0) {}

  Matrix act(const Observation& observation, const Matrix& executed) {
    rows += executed.rows();
    EXPECT_TRUE(rows > 0 || observation.state == std::vector<float>({0, 0}));
    const uint8_t* pixels = observation.views[0].pixels.data();
    Matrix chunk(4, 2);
    for (int64_t row = 0; row < chunk.rows(); ++row) {
      for (int64_t axis = 0; axis < 2; ++axis) {
        const float goal = static_cast<float>(pixels[axis]) / 255 * 2 - 1;
        const float way = goal - observation.state[static_cast<size_t>(axis)];
        const float stagger = std::uniform_real_distribution<float>(-0.4f, 0.4f)(random);
        chunk(row, axis) = (lost ? -way : way) * 4 + stagger;
      }
    }
    return chunk;
  }

  std::string instruction;
  std::mt19937_64 random;
  bool lost;
  int64_t rows = 0;
};

RolloutPolicy walking_policy() {
  auto walker = std::make_shared<std::unique_ptr<Walker>>();
  return {.reset = [walker](const std::string& told, uint64_t seed) { *walker = std::make_unique<Walker>(told, seed); },
          .act = [walker](const Observation& seen, const Matrix& executed) { return (*walker)->act(seen, executed); },
          .execute = 3};
}

std::unique_ptr<Environment> fake_environment(bool record) {
  SimulatorConfig config = fake_simulator();
  config.record = record;
  config.deadline_seconds = 3;
  return std::make_unique<SimulatorProcess>(config);
}

RolloutConfig config_of(int64_t episodes) {
  RolloutConfig config;
  config.checkpoint = "a/checkpoint";
  config.checkpoint_sha256 = "0123";
  config.environment = "maniskill:Reach-v1";
  config.cameras = {"front", "side"};
  config.episodes = episodes;
  config.seed = 10;
  config.excluded_seeds = {12, 13, 20, 29};
  config.execute = 3;
  return config;
}

EvaluationOptions options_of(const std::filesystem::path& out, int64_t workers = 1) {
  EvaluationOptions options;
  options.out = out;
  options.workers = workers;
  return options;
}

EvaluationResult run(const RolloutConfig& config, const EvaluationOptions& options,
                     const EvaluationProgress& progress = {}, const std::atomic<bool>& stop = kNeverStop) {
  return evaluate(config, options, fake_environment, walking_policy, progress, stop);
}

class Evaluation : public testing::Test {
 protected:
  static void SetUpTestSuite() { spdlog::set_level(spdlog::level::off); }  // the retries are wanted here
  static void TearDownTestSuite() { spdlog::set_level(spdlog::level::info); }
};

using Outcome = std::tuple<int64_t, int64_t, bool, int64_t, int64_t>;

/// What must not depend on workers, faults and interruptions.
std::vector<Outcome> outcomes_of(const EvaluationResult& result) {
  std::vector<Outcome> outcomes;
  for (const EpisodeRecord& record : result.records) {
    outcomes.emplace_back(record.episode, record.seed, record.success, record.control_steps, record.rounds);
  }
  return outcomes;
}

std::vector<nlohmann::json> journal_of(const std::filesystem::path& folder) {
  std::vector<nlohmann::json> lines;
  std::istringstream file(read_bytes(folder / "episodes.jsonl"));
  for (std::string line; std::getline(file, line);) {
    if (!file.eof()) lines.push_back(nlohmann::json::parse(line));
  }
  return lines;
}

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
  EXPECT_TRUE(contains(problem.where, "maniskill:Reach-v1, start")) << problem.where;
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
  EXPECT_EQ(problem_with("nonsense\n").got, "nonsense");
  EXPECT_EQ(problem_with(first + first).got, "episode 0 a second time");
  std::string other = first;
  other.replace(other.find("\"seed\":10"), 9, "\"seed\":11");
  EXPECT_EQ(problem_with(other).expected, "10 for episode 0");
  other = first;
  other.replace(other.find("\"episode\":0"), 11, "\"episode\":7");
  EXPECT_EQ(problem_with(other).expected, "0 to 1");
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

TEST_F(Evaluation, ThePolicysOwnErrorEndsIt) {
  const TemporaryFolder folder;
  const auto broken = [] {
    return RolloutPolicy{.reset = [](const std::string&, uint64_t) {},
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
  EXPECT_EQ(episode_seeds(10, 4, {12, 13}), std::vector<int64_t>({10, 11, 14, 15}));
  EXPECT_EQ(episode_seeds(0, 3, {2, 5, 0, 0}), std::vector<int64_t>({1, 6, 7}));
  EXPECT_EQ(episode_seeds(3, 2, {0, 10, 4, 6, 11, 11}), std::vector<int64_t>({12, 13}));
  EXPECT_EQ(episode_seeds(5, 2, {}), std::vector<int64_t>({5, 6}));
  EXPECT_EQ(problem_of<ConfigError>([] { episode_seeds(0, 1, {3}); }).got, "1 numbers");
  EXPECT_EQ(problem_of<ConfigError>([] { episode_seeds(0, 1, {3, 2}); }).where, "excluded_seeds");
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
