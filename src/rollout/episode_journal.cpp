#include "episode_journal.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "files/file_descriptor.h"
#include "physgen/core/error.h"
#include "physgen/files/atomic_file.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

std::string line_of(const EpisodeRecord& record) {
  ordered_json line = {{"episode", record.episode},
                       {"task", record.task},
                       {"seed", record.seed},
                       {"success", record.success},
                       {"control_steps", record.control_steps},
                       {"rounds", record.rounds},
                       {"seconds", record.seconds},
                       {"policy_ms_p50", record.policy_ms_p50},
                       {"policy_seconds", record.policy_seconds},
                       {"retries", record.retries}};
  if (!record.video.empty()) line["video"] = record.video;
  if (!record.infrastructure_error.empty()) {
    line["infrastructure_error"] = true;
    line["error"] = record.infrastructure_error;
  }
  return line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

/// Throws json::exception.
EpisodeRecord record_of(const std::string& line) {
  const json fields = json::parse(line);
  EpisodeRecord record{.episode = fields.at("episode").get<int64_t>(),
                       .task = fields.at("task").get<std::string>(),
                       .seed = fields.at("seed").get<int64_t>(),
                       .success = fields.at("success").get<bool>(),
                       .control_steps = fields.at("control_steps").get<int64_t>(),
                       .rounds = fields.at("rounds").get<int64_t>(),
                       .seconds = fields.at("seconds").get<double>(),
                       .policy_ms_p50 = fields.at("policy_ms_p50").get<double>(),
                       .policy_seconds = fields.at("policy_seconds").get<double>(),
                       .retries = fields.at("retries").get<int64_t>(),
                       .video = fields.value("video", ""),
                       .infrastructure_error = ""};
  if (fields.value("infrastructure_error", false)) record.infrastructure_error = fields.at("error").get<std::string>();
  return record;
}

std::string contents_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return "";
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The complete lines; what follows the last line break was cut short by a crash.
std::vector<std::string> lines_of(const std::string& contents) {
  std::vector<std::string> lines;
  for (size_t begin = 0, end; (end = contents.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(contents.substr(begin, end - begin));
  }
  return lines;
}

FormatError damaged(const fs::path& path, size_t line, const std::string& got, const std::string& expected) {
  return FormatError({.what = "the record of an evaluation is damaged",
                      .where = path.string() + ", line " + std::to_string(line + 1),
                      .got = got,
                      .expected = expected,
                      .next_step = "remove the line, and the episode is run again"});
}

EpisodeRecord read_line(const std::string& text, const fs::path& path, size_t line,
                        const std::vector<PlannedEpisode>& plan) {
  try {
    EpisodeRecord record = record_of(text);
    const bool known = record.episode >= 0 && record.episode < static_cast<int64_t>(plan.size());
    if (!known) {
      throw damaged(path, line, "episode " + std::to_string(record.episode), "0 to " + std::to_string(plan.size() - 1));
    }
    const EpisodeStart& start = plan[static_cast<size_t>(record.episode)].start;
    if (record.seed != start.seed || record.task != start.task) {
      throw damaged(
          path, line, record.task + ", seed " + std::to_string(record.seed),
          start.task + ", seed " + std::to_string(start.seed) + " for episode " + std::to_string(record.episode));
    }
    return record;
  } catch (const json::exception&) {
    throw damaged(path, line, text.substr(0, 80), "an episode's record");
  }
}

std::vector<EpisodeRecord> read_records(const std::string& contents, const fs::path& path,
                                        const std::vector<PlannedEpisode>& plan) {
  std::vector<EpisodeRecord> records;
  std::set<int64_t> episodes;
  const std::vector<std::string> lines = lines_of(contents);
  for (size_t line = 0; line < lines.size(); ++line) {
    EpisodeRecord record = read_line(lines[line], path, line, plan);
    if (!record.infrastructure_error.empty()) continue;
    if (!episodes.insert(record.episode).second) {
      throw damaged(path, line, "episode " + std::to_string(record.episode) + " a second time", "each episode once");
    }
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

std::vector<EpisodeRecord> read_episodes(const fs::path& path, const std::vector<PlannedEpisode>& plan) {
  return read_records(contents_of(path), path, plan);
}

EpisodeJournal::EpisodeJournal(const fs::path& path, const std::vector<PlannedEpisode>& plan) {
  const std::string contents = contents_of(path);
  records_ = read_records(contents, path, plan);
  std::string kept;
  for (const EpisodeRecord& record : records_) kept += line_of(record);
  if (kept != contents || !fs::exists(path)) write_file_atomically(path, kept);
  file_ = std::make_unique<FileDescriptor>(path, O_WRONLY | O_APPEND);
}

EpisodeJournal::~EpisodeJournal() = default;

void EpisodeJournal::append(const EpisodeRecord& record) {
  const std::string line = line_of(record);
  file_->write(std::as_bytes(std::span(line)));
  file_->sync();
  records_.push_back(record);
}

}  // namespace physgen
