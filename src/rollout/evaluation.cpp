#include "physgen/rollout/evaluation.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <limits>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "core/random.h"
#include "core/strict_json.h"
#include "episode_journal.h"
#include "episode_runner.h"
#include "evaluation_summary.h"
#include "files/atomic_file.h"
#include "physgen/core/config.h"
#include "physgen/core/error.h"
#include "physgen/core/suggestion.h"
#include "physgen/core/version.h"
#include "rollout/shard.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void check_options(const EvaluationOptions& options) {
  const auto require = [](bool right, const char* where, const std::string& got, const char* expected) {
    if (!right)
      throw ConfigError({.what = "an option is out of range", .where = where, .got = got, .expected = expected});
  };
  require(!options.out.empty(), "--out", "nothing", "a folder");
  require(options.workers >= 1 && options.workers <= 256, "--workers", std::to_string(options.workers), "1 to 256");
  require(options.retries >= 0, "--retries", std::to_string(options.retries), "at least 0");
  require(options.videos >= 0, "--videos", std::to_string(options.videos), "at least 0");
  require(!options.imagine || !options.video.empty(), "--imagine", "no --video", "--video FOLDER, which shows it");
}

ConfigError other_config(const std::string& where, const std::string& got, const std::string& expected) {
  return ConfigError({.what = "the folder holds an evaluation with another configuration",
                      .where = where,
                      .got = got,
                      .expected = expected,
                      .next_step = "choose another --out, or repeat the flags of that evaluation to continue it"});
}

/// Writes the config, or compares it with the one that is there.
void keep_config(const RolloutConfig& config, const fs::path& folder) {
  const fs::path path = folder / "rollout.json";
  const std::string text = write_config(config);
  if (!fs::exists(path)) {
    if (fs::exists(folder / "episodes.jsonl")) throw other_config(path, "no such file", "the config of episodes.jsonl");
    write_file_atomically(path, text + "\n");
    return;
  }
  const json stored = parse_strict_json(write_config(ConfigDocument::load(path).read<RolloutConfig>()), path);
  const json given = parse_strict_json(text, path);
  for (const auto& field : given.items()) {
    if (field.key() == "checkpoint" || field.key() == "worker") continue;  // another path to the same
    const json& there = stored.at(field.key());
    if (there != field.value()) {
      throw other_config(path.string() + ": " + field.key(), field.value().dump(), there.dump() + ", as there");
    }
  }
}

/// How many of each task are in the config's shard.
std::vector<int64_t> episodes_of_tasks(const RolloutConfig& config) {
  const Shard shard = parse_shard(config.shard);
  std::vector<int64_t> counts(config.tasks.size(), 0);
  for (int64_t episode = 0; episode < config.episodes * std::ssize(counts); ++episode) {
    if (shard.has(episode)) ++counts[static_cast<size_t>(episode / config.episodes)];
  }
  return counts;
}

/// The episodes that are left, and the workers that share them.
class Evaluation {
 public:
  Evaluation(const EvaluationOptions& options, const std::vector<PlannedEpisode>& plan, const Shard& shard,
             EpisodeJournal& journal, const EvaluationProgress& progress, const std::atomic<bool>& stop)
      : options_(options), plan_(plan), journal_(journal), progress_(progress), stop_(stop) {
    std::set<int64_t> finished;
    for (const EpisodeRecord& record : journal.records()) finished.insert(record.episode);
    for (int64_t episode = static_cast<int64_t>(plan_.size()) - 1; episode >= 0; --episode) {
      if (!shard.has(episode)) continue;
      ++planned_;
      if (!finished.contains(episode)) left_.push_back(episode);
    }
  }

  void run(const MakeEnvironment& make_environment, const MakePolicy& make_policy) {
    const size_t count = std::min(static_cast<size_t>(options_.workers), left_.size());
    {
      std::vector<std::jthread> workers;
      for (size_t worker = 0; worker < count; ++worker) {
        workers.emplace_back([&] { work(make_environment, make_policy); });
      }
    }
    if (error_) std::rethrow_exception(error_);
  }

 private:
  bool stopped() const { return stop_ || broken_; }

  void work(const MakeEnvironment& make_environment, const MakePolicy& make_policy) {
    try {
      EpisodeRunner runner(options_, make_environment, make_policy(), [this] { return stopped(); });
      while (const std::optional<int64_t> episode = next_episode()) {
        const auto record = runner.run(*episode, plan_[static_cast<size_t>(*episode)]);
        if (!record) return;
        finish(*record);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      broken_ = true;
    }
  }

  std::optional<int64_t> next_episode() {
    const std::lock_guard lock(mutex_);
    if (stopped() || left_.empty()) return std::nullopt;
    const int64_t episode = left_.back();
    left_.pop_back();
    return episode;
  }

  void finish(const EpisodeRecord& record) {
    const std::lock_guard lock(mutex_);
    journal_.append(record);
    if (progress_) progress_(record, summarize(journal_.records(), planned_));
  }

  EvaluationOptions options_;
  const std::vector<PlannedEpisode>& plan_;
  EpisodeJournal& journal_;
  const EvaluationProgress& progress_;
  const std::atomic<bool>& stop_;
  std::mutex mutex_;
  int64_t planned_ = 0;        // episodes of the shard
  std::vector<int64_t> left_;  // of them, the next one last
  std::exception_ptr error_;
  std::atomic<bool> broken_ = false;
};

}  // namespace

uint64_t policy_seed(const EpisodeStart& start) {
  return mixed_seed(static_cast<uint64_t>(start.seed), Stream::rollout);
}

std::vector<int64_t> episode_seeds(int64_t first, int64_t count, std::vector<std::pair<int64_t, int64_t>> excluded) {
  for (const auto& [low, high] : excluded) {
    if (low <= high) continue;
    throw ConfigError({.what = "the excluded seeds are no range",
                       .where = "excluded_seeds",
                       .got = std::to_string(low) + " to " + std::to_string(high),
                       .expected = "a first seed that is at most the last"});
  }
  std::sort(excluded.begin(), excluded.end());
  std::vector<int64_t> seeds;
  auto range = excluded.begin();
  for (int64_t seed = first; static_cast<int64_t>(seeds.size()) < count; ++seed) {
    while (range != excluded.end() && range->second < seed) ++range;
    if (range == excluded.end() || seed < range->first) {
      seeds.push_back(seed);
    } else {
      seed = range->second;
    }
  }
  return seeds;
}

std::vector<PlannedEpisode> plan_episodes(const RolloutConfig& config) {
  const size_t tasks = config.tasks.size(), instructions = config.instructions.size();
  if (tasks == 0 || (instructions != 0 && instructions != tasks)) {
    throw ConfigError({.what = "the tasks of an evaluation are incomplete",
                       .where = "tasks",
                       .got = std::to_string(tasks) + " tasks, " + std::to_string(instructions) + " instructions",
                       .expected = "at least one task, and an instruction for each or none"});
  }
  if (std::set(config.tasks.begin(), config.tasks.end()).size() != tasks) {
    throw ConfigError({.what = "a task is named twice", .where = "tasks", .got = comma_separated(config.tasks)});
  }
  const std::vector<int64_t> seeds = episode_seeds(config.seed, config.episodes, config.excluded_seeds);
  std::vector<PlannedEpisode> plan;
  for (size_t task = 0; task < tasks; ++task) {
    for (size_t number = 0; number < seeds.size(); ++number) {
      plan.push_back({{config.tasks[task], seeds[number]},
                      instructions == 0 ? "" : config.instructions[task],
                      static_cast<int64_t>(number)});
    }
  }
  return plan;
}

EvaluationResult result_of(std::vector<EpisodeRecord> records, const RolloutConfig& config) {
  std::sort(records.begin(), records.end(),
            [](const EpisodeRecord& one, const EpisodeRecord& other) { return one.episode < other.episode; });
  const std::vector<int64_t> of_tasks = episodes_of_tasks(config);
  const int64_t planned = std::accumulate(of_tasks.begin(), of_tasks.end(), int64_t{0});
  EvaluationResult result{.records = records,
                          .summary = summarize(records, planned),
                          .tasks = summarize_tasks(records, config.tasks, of_tasks)};
  result.stopped = std::ssize(records) < planned;
  return result;
}

EvaluationResult evaluate(const RolloutConfig& config, const EvaluationOptions& options,
                          const MakeEnvironment& make_environment, const MakePolicy& make_policy,
                          const EvaluationProgress& progress, const std::atomic<bool>& stop) {
  check_options(options);
  const std::vector<PlannedEpisode> plan = plan_episodes(config);
  const fs::path folder = options.out;
  const RunLock lock(folder);
  if (!lock.weakness().empty()) spdlog::warn(lock.weakness());
  if (!options.video.empty()) fs::create_directories(options.video);
  keep_config(config, folder);
  EpisodeJournal journal(folder / "episodes.jsonl", plan);
  Evaluation(options, plan, parse_shard(config.shard), journal, progress, stop).run(make_environment, make_policy);

  const EvaluationResult result = result_of(journal.records(), config);
  write_file_atomically(folder / kSummaryName, summary_json({folder, config, result, options.command, version_text()}));
  return result;
}

}  // namespace physgen
