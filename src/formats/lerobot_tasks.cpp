#include "formats/lerobot_tasks.h"

#include <physgen/core/error.h>

#include "core/json_file.h"
#include "formats/parquet_file.h"

namespace physgen {
namespace {

constexpr JsonWords kTasksWords = {.damaged = "the JSON of a set of demonstrations is not LeRobot's",
                                   .missing = "a file of a LeRobot data set is missing",
                                   .expected = "one line of JSON a task",
                                   .next_step = "download the whole data set, or pass --instruction \"…\""};

using Sentences = std::map<int64_t, std::string>;

Sentences sentences_of_parquet(const std::filesystem::path& path) {
  const ParquetFile table(path.string());
  const char* column = table.has("task") ? "task" : "__index_level_0__";  // as pandas names an index
  const std::vector<int64_t> indices = table.read_integers("task_index");
  const auto texts = table.read_text_lists(column);
  Sentences sentences;
  for (size_t i = 0; i < indices.size(); ++i) sentences[indices[i]] = texts[i].empty() ? "" : texts[i][0];
  return sentences;
}

Sentences sentences_of(const std::filesystem::path& folder) {
  std::error_code unreachable;
  const std::filesystem::path table = folder / "meta/tasks.parquet";
  if (std::filesystem::exists(table, unreachable)) return sentences_of_parquet(table);
  Sentences sentences;
  each_json_line(folder / "meta/tasks.jsonl", kTasksWords, LastLine::whole,
                 [&](const JsonView& line, const std::string&) {
                   sentences[line.at("task_index").integer()] = line.at("task").text();
                 });
  return sentences;
}

/// The task of each row, by episode.
std::map<int64_t, std::vector<int64_t>> tasks_of_rows(const std::string& path) {
  const ParquetFile data(path);
  const std::vector<int64_t> owners = data.read_integers("episode_index"), tasks = data.read_integers("task_index");
  std::map<int64_t, std::vector<int64_t>> found;
  for (size_t row = 0; row < owners.size(); ++row) found[owners[row]].push_back(tasks[row]);
  return found;
}

[[noreturn]] void refuse_tasks(const LeRobotEpisode& episode, const std::string& got) {
  throw FormatError({"an episode has no task", episode.data + ", episode " + std::to_string(episode.index), got,
                     "a sentence in meta/tasks that tells the robot what to do", "pass --instruction \"…\""});
}

const std::string& sentence_of(int64_t task, const Sentences& sentences, const LeRobotEpisode& episode) {
  const auto found = sentences.find(task);
  if (found != sentences.end() && !found->second.empty()) return found->second;
  refuse_tasks(episode, "task_index " + std::to_string(task) + ", which has none");
}

void take_tasks(const std::vector<int64_t>& rows, const Sentences& sentences, LeRobotEpisode& episode) {
  if (rows.empty()) refuse_tasks(episode, "no rows");
  episode.instruction = sentence_of(rows[0], sentences, episode);
  for (size_t row = 1; row < rows.size(); ++row) {
    if (rows[row] == rows[row - 1]) continue;
    episode.later_tasks.push_back({static_cast<int64_t>(row), sentence_of(rows[row], sentences, episode)});
  }
}

}  // namespace

void read_lerobot_tasks(const std::filesystem::path& folder, LeRobotMetadata& metadata) {
  std::map<std::string, std::map<int64_t, std::vector<int64_t>>> files;
  Sentences sentences;
  for (LeRobotEpisode& episode : metadata.episodes) {
    if (episode.tasks.size() == 1 && !episode.tasks[0].empty()) {
      episode.instruction = episode.tasks[0];
      continue;
    }
    if (sentences.empty()) sentences = sentences_of(folder);
    if (!files.contains(episode.data)) files[episode.data] = tasks_of_rows(episode.data);
    take_tasks(files[episode.data][episode.index], sentences, episode);
  }
}

}  // namespace physgen
