#include "formats/lerobot_folder.h"

#include <cmath>
#include <set>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>

namespace physgen {
namespace {

/// What of the folder `data` no episode is in, and the episodes that are not there.
std::vector<LeftOut> unused_files(const std::filesystem::path& folder, const std::vector<LeRobotEpisode>& episodes) {
  std::vector<int64_t> indices;
  std::set<std::filesystem::path> used;
  for (const LeRobotEpisode& episode : episodes) {
    indices.push_back(episode.index);
    used.insert(std::filesystem::path(episode.data).lexically_normal());
  }
  std::vector<LeftOut> unused = missing_numbers(indices, folder.string(), "episode_");
  for (const std::filesystem::path& file : files_with_ending(folder / "data", ".parquet")) {
    if (!used.contains(file.lexically_normal())) unused.push_back({file.string(), "no episode of meta is in it"});
  }
  return unused;
}

}  // namespace

LeRobotFolder::LeRobotFolder(const std::string& path, const std::string& instruction)
    : DemonstrationFile(path), metadata_(read_lerobot_metadata(path, instruction)) {
  for (const LeRobotEpisode& episode : metadata_.episodes) {
    if (episode.rows < 2) {
      throw FormatError({"an episode is too short", path + ", episode " + std::to_string(episode.index),
                         std::to_string(episode.rows) + " rows", "at least 2", "remove this episode"});
    }
    episodes_.push_back({path + ":episode_" + std::to_string(episode.index), episode.instruction, episode.instruction,
                         metadata_.control_mode, episode.rows - 1, -1, episode.success, metadata_.look_every,
                         episode.later_tasks});
  }
  seeds_tried_ = metadata_.seeds_tried;
  left_out_ = unused_files(path, metadata_.episodes);
  if (!metadata_.splits.empty()) {
    left_out_.push_back({path + "/meta/info.json",
                         "its splits " + comma_separated(metadata_.splits) + ": the episodes of all of them are read"});
  }
  recording_ = metadata_.recording;
}

EpisodeShape LeRobotFolder::inspect(int64_t episode) const {
  EpisodeShape shape{metadata_.action_width, metadata_.state_width, {}, metadata_.unusable};
  std::vector<std::string> files{at(episode).data};
  for (const auto& [camera, column] : metadata_.cameras) {
    shape.cameras[camera] = column.size;
    if (column.video) files.push_back(at(episode).videos.at(camera).path);
  }
  for (const std::string& file : files) {
    std::error_code unreachable;
    if (std::filesystem::exists(file, unreachable)) continue;
    throw FormatError({"a file of a LeRobot data set is missing", info(episode).source, "no file " + file,
                       "the file that meta/info.json and meta/episodes name", "download the whole data set"});
  }
  const std::lock_guard lock(mutex_);
  first_row(at(episode));
  return shape;
}

const LeRobotFolder::Data& LeRobotFolder::data_of(const LeRobotEpisode& episode) const {
  if (data_ && data_->file.path() == episode.data) return *data_;
  data_.reset();
  Data data{ParquetFile(episode.data), {}};
  const std::vector<int64_t> owners = data.file.read_integers("episode_index");
  for (size_t row = 0; row < owners.size(); ++row) {
    auto& [first, count] = data.rows.emplace(owners[row], std::pair{row, 0}).first->second;
    if (first + count++ == static_cast<int64_t>(row)) continue;
    throw FormatError({"an episode's rows are not one after the other", episode.data, "row " + std::to_string(row),
                       "rows in the order of episodes", "convert this data set again"});
  }
  data_ = std::make_unique<Data>(std::move(data));
  return *data_;
}

int64_t LeRobotFolder::first_row(const LeRobotEpisode& episode) const {
  const Data& data = data_of(episode);
  const auto found = data.rows.find(episode.index);
  const int64_t rows = found == data.rows.end() ? 0 : found->second.second;
  if (rows == episode.rows) return found->second.first;
  throw FormatError({"an episode has another length than meta says",
                     episode.data + ", episode " + std::to_string(episode.index), std::to_string(rows) + " rows",
                     std::to_string(episode.rows), "download or convert this data set again"});
}

Matrix LeRobotFolder::read_rows(int64_t episode, const std::string& key, int64_t width) const {
  const LeRobotEpisode& source = at(episode);
  const int64_t first = first_row(source);
  const Matrix values = data_->file.read_matrix(key, first, source.rows);
  const std::string where = source.data + ":" + key;
  if (values.cols() != width) {
    throw FormatError({"a column has another width than meta/info.json says", where, std::to_string(values.cols()),
                       std::to_string(width), "convert this data set again"});
  }
  check_finite(values, where, std::to_string(source.index));
  return values;
}

Episode LeRobotFolder::read(int64_t episode) const {
  const std::lock_guard lock(mutex_);
  const Matrix actions = read_rows(episode, metadata_.action_key, metadata_.action_width);
  if (metadata_.control_mode == "osc_pose") check_osc_range(actions, info(episode).source);
  Episode result{info(episode), actions.topRows(info(episode).control_steps), {}};
  if (metadata_.state_width > 0) result.states = read_rows(episode, metadata_.state_key, metadata_.state_width);
  return result;
}

std::unique_ptr<FrameReader> LeRobotFolder::open_frames(int64_t episode, const std::string& camera) const {
  const LeRobotEpisode& source = at(episode);
  const LeRobotCamera& column = metadata_.cameras.at(camera);
  const std::string where = info(episode).source;
  const std::lock_guard lock(mutex_);
  if (!column.video) {
    const int64_t first = first_row(source);
    return std::make_unique<LeRobotPictureFrames>(data_->file.read_pictures(column.key, first, source.rows),
                                                  column.size, where + ", " + column.key);
  }
  return std::make_unique<LeRobotVideoFrames>(source.videos.at(camera), read_times(episode),
                                              1 / metadata_.recording.frames_per_second, column.size, where, videos_);
}

/// The rows' own clock; where they carry none, they come as info.json says.
std::vector<double> LeRobotFolder::read_times(int64_t episode) const {
  const LeRobotEpisode& source = at(episode);
  const int64_t first = first_row(source);
  std::vector<double> times;
  if (!data_->file.has("timestamp")) {
    for (int64_t row = 0; row < source.rows; ++row) {
      times.push_back(static_cast<double>(row) / metadata_.recording.frames_per_second);
    }
    return times;
  }
  const Matrix column = data_->file.read_matrix("timestamp", first, source.rows);
  for (int64_t row = 0; row < source.rows; ++row) {
    const double time = column(row, 0), before = row == 0 ? -1 : times.back();
    if (!std::isfinite(time) || time < 0 || time <= before) {
      throw FormatError({"an episode's rows do not follow each other in time",
                         source.data + ", episode " + std::to_string(source.index) + ", row " + std::to_string(row),
                         std::to_string(time) + " s after " + std::to_string(before) + " s",
                         "timestamps from 0 on that ascend", "convert this data set again"});
    }
    times.push_back(time);
  }
  return times;
}

}  // namespace physgen
