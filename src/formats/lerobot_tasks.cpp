#include "formats/lerobot_tasks.h"

#include <algorithm>

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

/// The tasks that the rows of each episode name, in the order in which they come.
std::map<int64_t, std::vector<int64_t>> tasks_of_rows(const std::string& path) {
  const ParquetFile data(path);
  const std::vector<int64_t> owners = data.read_integers("episode_index"), tasks = data.read_integers("task_index");
  std::map<int64_t, std::vector<int64_t>> found;
  for (size_t row = 0; row < owners.size(); ++row) {
    std::vector<int64_t>& own = found[owners[row]];
    if (std::ranges::find(own, tasks[row]) == own.end()) own.push_back(tasks[row]);
  }
  return found;
}

}  // namespace

std::string instruction_of(const std::vector<std::string>& tasks, const std::string& where) {
  if (tasks.size() == 1 && !tasks[0].empty()) return tasks[0];
  throw FormatError({"an episode does not have one task", where, std::to_string(tasks.size()) + " tasks",
                     "one sentence that tells the robot what to do", "pass --instruction \"…\""});
}

void read_lerobot_tasks_of_rows(const std::filesystem::path& folder, LeRobotMetadata& metadata) {
  std::map<std::string, std::map<int64_t, std::vector<int64_t>>> files;
  Sentences sentences;
  for (LeRobotEpisode& episode : metadata.episodes) {
    if (!episode.instruction.empty()) continue;
    if (sentences.empty()) sentences = sentences_of(folder);
    if (!files.contains(episode.data)) files[episode.data] = tasks_of_rows(episode.data);
    std::vector<std::string> tasks;
    for (const int64_t task : files[episode.data][episode.index]) tasks.push_back(sentences[task]);
    episode.instruction = instruction_of(tasks, episode.data + ", episode " + std::to_string(episode.index));
  }
}

}  // namespace physgen
