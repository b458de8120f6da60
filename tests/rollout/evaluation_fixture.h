#pragma once

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <tuple>

#include "physgen/rollout/evaluation.h"
#include "physgen/rollout/simulator_process.h"
#include "support/fake_simulator.h"
#include "support/number_from_environment.h"
#include "support/temporary_folder.h"

namespace physgen {

inline const std::atomic<bool> kNeverStop = false;

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

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

inline RolloutPolicy walking_policy() {
  auto walker = std::make_shared<std::unique_ptr<Walker>>();
  return {
      .reset = [walker](const std::string& told,
                        const EpisodeStart& start) { *walker = std::make_unique<Walker>(told, policy_seed(start)); },
      .act = [walker](const Observation& seen, const Matrix& executed) { return (*walker)->act(seen, executed); },
      .execute = 3};
}

inline std::unique_ptr<Environment> fake_environment(bool record) {
  SimulatorConfig config = fake_simulator();
  config.record = record;
  config.deadline_seconds = 3;
  return std::make_unique<SimulatorProcess>(config);
}

inline std::unique_ptr<Environment> suite_environment(bool) {
  SimulatorConfig config = fake_simulator();
  config.task = "all";
  return std::make_unique<SimulatorProcess>(config);
}

inline RolloutConfig config_of(int64_t episodes) {
  RolloutConfig config;
  config.checkpoint = "a/checkpoint";
  config.checkpoint_sha256 = "0123";
  config.environment = "fake:Reach-v1";
  config.tasks = {"Reach-v1"};
  config.cameras = {"front", "side"};
  config.episodes = episodes;
  config.seed = 10;
  config.excluded_seeds = {{12, 13}, {20, 29}};
  config.execute = 3;
  return config;
}

inline EvaluationOptions options_of(const std::filesystem::path& out, int64_t workers = 1) {
  EvaluationOptions options;
  options.out = out;
  options.workers = workers;
  return options;
}

inline EvaluationResult run(const RolloutConfig& config, const EvaluationOptions& options,
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
inline std::vector<Outcome> outcomes_of(const EvaluationResult& result) {
  std::vector<Outcome> outcomes;
  for (const EpisodeRecord& record : result.records) {
    outcomes.emplace_back(record.episode, record.seed, record.success, record.control_steps, record.rounds);
  }
  return outcomes;
}

inline std::vector<nlohmann::json> journal_of(const std::filesystem::path& folder) {
  std::vector<nlohmann::json> lines;
  std::istringstream file(read_bytes(folder / "episodes.jsonl"));
  for (std::string line; std::getline(file, line);) {
    if (!file.eof()) lines.push_back(nlohmann::json::parse(line));
  }
  return lines;
}

}  // namespace physgen
