#include "episode_journal.h"

#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "core/json_file.h"
#include "files/atomic_file.h"
#include "files/file_descriptor.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr JsonWords kWords = {.damaged = "the record of an evaluation is damaged",
                              .missing = "the record of an evaluation cannot be read",
                              .next_step = "remove the line, and the episode is run again"};

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
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

EpisodeRecord record_of(const JsonView& line) {
  const auto count = [&](const char* key) { return line.at(key).integer(); };
  EpisodeRecord record{.episode = count("episode"),
                       .task = line.at("task").text(),
                       .seed = count("seed"),
                       .success = line.at("success").flag(),
                       .control_steps = count("control_steps"),
                       .rounds = count("rounds"),
                       .seconds = line.at("seconds").number(),
                       .policy_ms_p50 = line.at("policy_ms_p50").number(),
                       .policy_seconds = line.at("policy_seconds").number(),
                       .retries = count("retries"),
                       .video = line.text_or("video", ""),
                       .infrastructure_error = ""};
  if (line.flag_or("infrastructure_error", false)) record.infrastructure_error = line.at("error").text();
  return record;
}

void check_plan(const EpisodeRecord& record, const std::vector<PlannedEpisode>& plan, const JsonView& line) {
  const int64_t last = std::ssize(plan) - 1;
  const int64_t episode = line.at("episode").integer(0, last);
  const EpisodeStart& start = plan[static_cast<size_t>(episode)].start;
  if (record.seed == start.seed && record.task == start.task) return;
  line.refuse(record.task + ", seed " + std::to_string(record.seed),
              start.task + ", seed " + std::to_string(start.seed) + " for episode " + std::to_string(episode));
}

}  // namespace

std::vector<EpisodeRecord> read_episodes(const fs::path& path, const std::vector<PlannedEpisode>& plan) {
  std::vector<EpisodeRecord> records;
  if (!fs::exists(path)) return records;
  std::set<int64_t> episodes;
  each_json_line(path, kWords, LastLine::torn, [&](const JsonView& line, const std::string&) {
    EpisodeRecord record = record_of(line);
    check_plan(record, plan, line);
    if (!record.infrastructure_error.empty()) return;
    if (!episodes.insert(record.episode).second) {
      line.refuse("episode " + std::to_string(record.episode) + " a second time", "each episode once");
    }
    records.push_back(std::move(record));
  });
  return records;
}

void write_episodes(const fs::path& path, const std::vector<EpisodeRecord>& records) {
  std::string lines;
  for (const EpisodeRecord& record : records) lines += line_of(record);
  write_file_atomically(path, lines);
}

EpisodeJournal::EpisodeJournal(const fs::path& path, const std::vector<PlannedEpisode>& plan) {
  records_ = read_episodes(path, plan);
  write_episodes(path, records_);
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
