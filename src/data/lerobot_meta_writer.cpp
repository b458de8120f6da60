#include "data/lerobot_meta_writer.h"

#include <fmt/format.h>

#include <iterator>
#include <numeric>

#include <physgen/core/error.h>

#include "formats/parquet_writer.h"

namespace physgen {
namespace {

using Rows = std::vector<LeRobotRow>;

template <class Value>
auto collect(const Rows& rows, const Value& value) {
  std::vector<decltype(value(rows[0]))> values;
  for (const LeRobotRow& row : rows) values.push_back(value(row));
  return values;
}

/// Where each row's file is, as two columns.
template <class File>
void add_files(const std::string& name, const Rows& rows, const File& file, ParquetTable& table) {
  table.add_integers(name + "/chunk_index",
                     collect(rows, [&](const LeRobotRow& row) { return file(row) / kLeRobotFilesAChunk; }));
  table.add_integers(name + "/file_index",
                     collect(rows, [&](const LeRobotRow& row) { return file(row) % kLeRobotFilesAChunk; }));
}

void add_video(const std::string& key, const Rows& rows, double frames_per_second, ParquetTable& table) {
  const auto seconds = [&](int64_t frame) { return static_cast<double>(frame) / frames_per_second; };
  const auto first = [&](const LeRobotRow& row) { return row.videos.at(key).second; };
  add_files(
      "videos/" + key, rows, [&](const LeRobotRow& row) { return row.videos.at(key).first; }, table);
  table.add_doubles("videos/" + key + "/from_timestamp",
                    collect(rows, [&](const LeRobotRow& row) { return seconds(first(row)); }));
  table.add_doubles("videos/" + key + "/to_timestamp",
                    collect(rows, [&](const LeRobotRow& row) { return seconds(first(row) + row.rows); }));
}

void add_statistics(const std::string& feature, const Rows& rows, ParquetTable& table) {
  const std::string name = "stats/" + feature + "/";
  const int depth = feature.starts_with("observation.images.") ? 3 : 1;  // a picture's are [3, 1, 1]
  const auto of = [&](const LeRobotRow& row) -> const LeRobotStatistics& { return row.statistics.at(feature); };
  for (const auto& [kind, values] : of(rows[0]).values) {
    table.add_number_lists(name + kind, collect(rows, [&](const LeRobotRow& row) { return of(row).values.at(kind); }),
                           depth);
  }
  table.add_integer_lists(name + "count",
                          collect(rows, [&](const LeRobotRow& row) { return std::vector{of(row).count}; }));
}

}  // namespace

std::vector<int64_t> counted(int64_t first, int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

std::string lerobot_file_name(int64_t file, const std::string& ending) {
  return fmt::format("chunk-{:03d}/file-{:03d}.{}", file / kLeRobotFilesAChunk, file % kLeRobotFilesAChunk, ending);
}

std::filesystem::path lerobot_path(const std::filesystem::path& folder, const std::filesystem::path& relative) {
  const std::filesystem::path path = folder / relative;
  std::error_code reason;
  std::filesystem::create_directories(path.parent_path(), reason);
  if (!reason) return path;
  throw Error({"a folder cannot be made", path.parent_path().string(), reason.message(), "a writable place",
               "check the folder and its free space"});
}

void write_lerobot_tasks(const std::filesystem::path& folder, const std::vector<std::string>& tasks) {
  constexpr const char* kIndex = "__index_level_0__";
  ParquetTable table;
  table.add_integers("task_index", counted(0, std::ssize(tasks)));
  table.add_texts(kIndex, tasks);
  ParquetWriter writer(lerobot_path(folder, "meta/tasks.parquet").string(), kIndex);
  writer.append(table);
  writer.close();
}

void write_lerobot_episodes(const std::filesystem::path& folder, const std::vector<LeRobotRow>& rows,
                            double frames_per_second) {
  ParquetTable table;
  table.add_integers("episode_index", counted(0, std::ssize(rows)));
  table.add_text_lists("tasks", collect(rows, [](const LeRobotRow& row) { return row.tasks; }));
  table.add_integers("length", collect(rows, [](const LeRobotRow& row) { return row.rows; }));
  add_files(
      "data", rows, [](const LeRobotRow& row) { return row.data_file; }, table);
  table.add_integers("dataset_from_index", collect(rows, [](const LeRobotRow& row) { return row.first; }));
  table.add_integers("dataset_to_index", collect(rows, [](const LeRobotRow& row) { return row.first + row.rows; }));
  for (const auto& [key, place] : rows[0].videos) add_video(key, rows, frames_per_second, table);
  for (const auto& [feature, statistics] : rows[0].statistics) add_statistics(feature, rows, table);
  add_files(
      "meta/episodes", rows, [](const LeRobotRow&) { return int64_t{0}; }, table);
  ParquetWriter writer(lerobot_path(folder, "meta/episodes/" + lerobot_file_name(0, "parquet")).string());
  writer.append(table);
  writer.close();
}

}  // namespace physgen
