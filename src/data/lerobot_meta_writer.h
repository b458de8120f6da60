#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/lerobot_statistics.h"

namespace physgen {

constexpr int64_t kLeRobotFilesAChunk = 1000;

/// What meta/episodes holds of an episode that was written.
struct LeRobotRow {
  std::vector<std::string> tasks;  ///< each once, in the order of its rows
  bool success = true;
  int64_t rows = 0;
  int64_t data_file = 0;
  int64_t first = 0;                                          ///< its first row's index in the data set
  std::map<std::string, std::pair<int64_t, int64_t>> videos;  ///< by key: the file, and the first frame in it
  std::map<std::string, LeRobotStatistics> statistics;        ///< by feature
};

/// `count` numbers from `first` upward.
std::vector<int64_t> counted(int64_t first, int64_t count);

/// "chunk-000/file-012.parquet". @param file  counted through all chunks
std::string lerobot_file_name(int64_t file, const std::string& ending);

/// A path in a data set, whose folder is made. Throws Error.
std::filesystem::path lerobot_path(const std::filesystem::path& folder, const std::filesystem::path& relative);

/// meta/tasks.parquet. Throws Error.
void write_lerobot_tasks(const std::filesystem::path& folder, const std::vector<std::string>& tasks);

/// meta/episodes, all in one file. Throws Error.
void write_lerobot_episodes(const std::filesystem::path& folder, const std::vector<LeRobotRow>& rows,
                            double frames_per_second);

}  // namespace physgen
