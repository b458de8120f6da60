#include "rollout/shard_merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "core/first_few.h"
#include "core/strict_json.h"
#include "episode_journal.h"
#include "evaluation_summary.h"
#include "files/atomic_file.h"
#include "files/folder.h"
#include "physgen/core/config.h"
#include "physgen/core/error.h"
#include "physgen/core/suggestion.h"
#include "physgen/core/version.h"
#include "rollout/recorded_actions.h"
#include "rollout/shard.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// An episode's result, and the shard that has it.
struct Found {
  EpisodeRecord record;
  fs::path shard;
};

using Results = std::map<int64_t, Found>;

bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path way = fs::weakly_canonical(path).lexically_relative(fs::weakly_canonical(folder));
  return !way.empty() && *way.begin() != "..";
}

/// Whether a folder holds a merge and nothing that is not of it.
bool is_merge(const fs::path& folder) {
  static const std::set<std::string> kNames = {"rollout.json", "episodes.jsonl", kSummaryName, "report.html",
                                               "actions"};
  for (const fs::directory_entry& entry : entries_of(folder)) {
    if (!kNames.contains(entry.path().filename().string())) return false;
  }
  EvaluationReport report{.folder = folder, .config = {}};
  read_provenance(report);
  return !report.shards.empty();
}

void check_out(const fs::path& out, const std::vector<fs::path>& shards) {
  const auto refuse = [&](const std::string& got) {
    throw ConfigError({.what = "the merged evaluation needs a folder of its own",
                       .where = "--out",
                       .got = got,
                       .expected = "a new folder, or that of an earlier merge"});
  };
  if (out.empty()) refuse("nothing");
  for (const fs::path& shard : shards) {
    if (lies_in(shard, out)) refuse(out.string() + ", which holds the shard " + shard.string());
  }
  if (fs::exists(out) && !fs::is_directory(out)) refuse(out.string() + ", a file");
  if (fs::exists(out) && !fs::is_empty(out) && !is_merge(out)) refuse(out.string() + ", which holds something else");
}

/// What two evaluations differ in whose configs differ at this key; "" where that changes no result.
std::string aspect_of(const std::string& key) {
  if (key == "checkpoint" || key == "worker" || key == "shard") return "";  // paths to the same, and which part
  if (key == "checkpoint_sha256" || key == "data_sha256") return "checkpoints";
  if (key == "environment" || key == "tasks") return "environments";
  if (key == "seed" || key == "excluded_seeds" || key == "episodes") return "seeds";
  return "protocols";
}

void require_same_evaluation(const EvaluationReport& first, const EvaluationReport& other) {
  const fs::path path = other.folder / "rollout.json";
  const json expected = parse_strict_json(write_config(first.config), first.folder.string());
  const json got = parse_strict_json(write_config(other.config), path.string());
  for (const auto& field : expected.items()) {
    const std::string aspect = aspect_of(field.key());
    if (aspect.empty() || got.at(field.key()) == field.value()) continue;
    throw ConfigError({.what = "the shards are of different " + aspect,
                       .where = path.string() + ": " + field.key(),
                       .got = got.at(field.key()).dump(),
                       .expected = field.value().dump() + ", as in " + first.folder.string(),
                       .next_step = "merge shards of one evaluation alone"});
  }
}

std::vector<EvaluationReport> read_shards(const std::vector<fs::path>& folders) {
  std::vector<EvaluationReport> shards;
  for (const fs::path& folder : folders) {
    shards.push_back(read_evaluation(folder));
    require_same_evaluation(shards.front(), shards.back());
  }
  return shards;
}

std::string text_of(const EpisodeRecord& record) {
  return fmt::format("{} after {} control steps and {} rounds", record.success ? "success" : "failure",
                     record.control_steps, record.rounds);
}

bool same_result(const EpisodeRecord& one, const EpisodeRecord& other) { return text_of(one) == text_of(other); }

void require_same_result(const Found& first, const Found& other) {
  if (same_result(first.record, other.record)) return;
  throw FormatError({.what = fmt::format("episode {} ({}, seed {}) has two results", other.record.episode,
                                         other.record.task, other.record.seed),
                     .where = (other.shard / "episodes.jsonl").string(),
                     .got = text_of(other.record),
                     .expected = text_of(first.record) + ", as in " + first.shard.string(),
                     .next_step = "merge without the shard that is not to count"});
}

/// @param repeated  takes the episodes that were there before
Results results_of(const std::vector<EvaluationReport>& shards, std::vector<int64_t>& repeated) {
  Results results;
  for (const EvaluationReport& shard : shards) {
    for (const EpisodeRecord& record : shard.result.records) {
      const Found found{record, shard.folder};
      const auto [there, is_new] = results.emplace(record.episode, found);
      if (is_new) continue;
      require_same_result(there->second, found);
      repeated.push_back(record.episode);
    }
  }
  std::sort(repeated.begin(), repeated.end());
  repeated.erase(std::unique(repeated.begin(), repeated.end()), repeated.end());
  return results;
}

std::vector<int64_t> missing_of(const Results& results, int64_t planned) {
  std::vector<int64_t> missing;
  for (int64_t episode = 0; episode < planned; ++episode) {
    if (!results.contains(episode)) missing.push_back(episode);
  }
  return missing;
}

/// The command with another --shard; nothing where it has none.
std::optional<std::string> with_shard(const std::string& command, const std::string& shard) {
  static const std::string kFlag = " --shard";
  const size_t flag = command.find(kFlag);
  if (flag == std::string::npos) return std::nullopt;
  const size_t value = std::min(flag + kFlag.size() + 1, command.size());
  const size_t end = std::min(command.find(' ', value), command.size());
  return command.substr(0, flag) + kFlag + " " + shard + command.substr(end);
}

/// The command that runs a shard, as far as one of the shards knows it.
std::string command_of(const std::string& shard, const std::vector<EvaluationReport>& shards) {
  for (const EvaluationReport& known : shards) {
    if (known.config.shard.empty() && !known.command.empty()) return known.command;
    if (const auto command = with_shard(known.command, shard)) return *command;
  }
  return "physgen rollout --shard " + shard + " and the flags of the other shards";
}

/// What finishes the episodes: a command, and the shards for which it is to be repeated.
std::string remedy_of(const std::vector<int64_t>& missing, const std::vector<EvaluationReport>& shards) {
  const Shard dealt = parse_shard(shards.front().config.shard);
  std::set<int64_t> numbers;
  for (const int64_t episode : missing) numbers.insert(episode % dealt.count + 1);
  std::vector<std::string> names;
  for (const int64_t number : numbers) names.push_back(Shard{number, dealt.count}.text());
  std::string remedy = "finish them with: " + command_of(names.front(), shards);
  names.erase(names.begin());
  if (!names.empty()) remedy += "\n  and so with --shard " + comma_separated(names);
  return remedy + "\n  or merge what is there: --allow-missing";
}

ConfigError incomplete(const std::vector<int64_t>& missing, int64_t planned,
                       const std::vector<EvaluationReport>& shards) {
  return ConfigError({.what = "episodes have no result",
                      .where = "--merge",
                      .got = fmt::format("{} of {}, without episode {}", planned - std::ssize(missing), planned,
                                         episode_list(missing)),
                      .expected = "all of them",
                      .next_step = remedy_of(missing, shards)});
}

EvaluationReport report_of(const std::vector<EvaluationReport>& shards, const Results& results,
                           const ShardMergeOptions& options) {
  EvaluationReport report{.folder = options.out, .config = shards.front().config};
  report.config.shard.clear();
  std::vector<EpisodeRecord> records;
  for (const auto& [episode, found] : results) records.push_back(found.record);
  report.result = result_of(std::move(records), report.config);
  report.command = options.command;
  report.version = version_text();
  for (const EvaluationReport& shard : shards) {
    report.shards.push_back({shard.folder.string(), shard.config.shard, shard.command, shard.version});
  }
  return report;
}

void write(const EvaluationReport& report, const Results& results) {
  AtomicDirectory folder(report.folder);
  write_file_atomically(folder.path() / "rollout.json", write_config(report.config) + "\n");
  write_episodes(folder.path() / "episodes.jsonl", report.result.records);
  write_file_atomically(folder.path() / kSummaryName, summary_json(report));
  write_file_atomically(folder.path() / "report.html", html_of(report));
  for (const auto& [episode, found] : results) {
    write_recorded_actions(folder.path(), episode, read_recorded_actions(found.shard, episode));
  }
  folder.commit();
}

}  // namespace

std::string episode_list(const std::vector<int64_t>& episodes) {
  constexpr size_t kShown = 20;
  std::vector<std::string> names;
  for (const int64_t episode : episodes) names.push_back(std::to_string(episode));
  return first_few(names, kShown);
}

ShardMerge merge_shards(const std::vector<fs::path>& folders, const ShardMergeOptions& options) {
  check_out(options.out, folders);
  const std::vector<EvaluationReport> shards = read_shards(folders);
  ShardMerge merge;
  const Results results = results_of(shards, merge.repeated);
  merge.report = report_of(shards, results, options);
  const int64_t planned = merge.report.result.summary.episodes;
  merge.missing = missing_of(results, planned);
  if (!merge.missing.empty() && !options.allow_missing) throw incomplete(merge.missing, planned, shards);
  write(merge.report, results);
  return merge;
}

}  // namespace physgen
