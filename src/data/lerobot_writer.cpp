#include "data/lerobot_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include <physgen/core/error.h>

#include "data/action_names.h"
#include "data/clip_sampler.h"
#include "data/statistics.h"

namespace physgen {
namespace {

using nlohmann::json;

constexpr int64_t kMegabytesAVideo = 200;
constexpr const char* kDataPath = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet";
constexpr const char* kVideoPath = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4";

/// LIBERO's cameras have other names in LeRobot's data sets of it.
std::string key_of(const std::string& camera, const DemonstrationDataset& dataset) {
  const bool libero = dataset.info(0).control_mode == "osc_pose" && dataset.action_width() == 7 &&
                      dataset.state_width() == 8 &&
                      dataset.cameras() == std::vector<std::string>{"agentview", "eye_in_hand"};
  if (!libero) return "observation.images." + camera;
  return camera == "agentview" ? "observation.images.image" : "observation.images.image2";
}

/// The actions, and holding still on what was seen last.
Matrix with_held_action(const Episode& episode) {
  const int64_t steps = episode.actions.rows();
  Matrix actions(steps + 1, episode.actions.cols());
  actions.topRows(steps) = episode.actions;
  float* last = actions.data() + steps * actions.cols();
  held_action(episode.actions, episode.info.control_mode, steps, {last, static_cast<size_t>(actions.cols())});
  return actions;
}

Matrix column(const std::vector<int64_t>& values) {
  return Eigen::Map<const Eigen::Matrix<int64_t, Eigen::Dynamic, 1>>(values.data(), static_cast<int64_t>(values.size()))
      .cast<float>();
}

/// An integer where it is one, as LeRobot writes it.
json rate_of(double frames_per_second) {
  const auto whole = static_cast<int64_t>(frames_per_second);
  return static_cast<double>(whole) == frames_per_second ? json(whole) : json(frames_per_second);
}

json as_json(const LeRobotStatistics& statistics, bool picture) {
  json object;
  for (const auto& [name, values] : statistics.values) {
    for (const double value : values)
      object[name].push_back(picture ? json::array({json::array({value})}) : json(value));
  }
  object["count"] = {statistics.count};
  return object;
}

void write_json(const std::filesystem::path& path, const json& value) {
  std::ofstream file(path);
  file << value.dump(4) << '\n';
  if (file.flush()) return;
  throw Error({"a file cannot be written", path.string(), "", "", "check the folder and its free space"});
}

}  // namespace

LeRobotWriter::LeRobotWriter(const DemonstrationDataset& dataset, std::string folder, const LeRobotOptions& options)
    : dataset_(dataset),
      folder_(std::move(folder)),
      options_(options),
      frames_(dataset, dataset.cameras(), all_frames(dataset),
              [this](Image image) { return picture_of(std::move(image)); }) {
  for (const std::string& camera : dataset.cameras()) cameras_[camera].key = key_of(camera, dataset);
  if (options_.frames_per_second == 0) options_.frames_per_second = dataset.recording().frames_per_second;
  check_sizes();
  check_looks();
}

/// What a data set has in common; between looks there is nothing new to see.
void LeRobotWriter::check_looks() const {
  const EpisodeInfo& first = dataset_.info(0);
  for (int64_t i = 1; i < dataset_.size(); ++i) {
    const EpisodeInfo& info = dataset_.info(i);
    if (info.look_every == first.look_every) continue;
    throw ConfigError({"episodes have a new picture at different steps", info.source,
                       fmt::format("every {}", info.look_every),
                       fmt::format("every {}, as in {}", first.look_every, first.source), "convert them apart"});
  }
}

void LeRobotWriter::check_sizes() const {
  if (options_.pictures == LeRobotPictures::png) return;
  for (const std::string& camera : dataset_.cameras()) {
    const auto [height, width] = dataset_.frame_size(camera);
    if (height % 2 == 0 && width % 2 == 0) continue;
    throw ConfigError({"an MP4 cannot hold pictures of an odd size", camera, fmt::format("{} x {}", height, width),
                       "even numbers", "keep the pictures as PNG"});
  }
}

int64_t LeRobotWriter::task_index(const std::string& task) {
  const auto found = std::find(tasks_.begin(), tasks_.end(), task);
  const int64_t index = found - tasks_.begin();
  if (found == tasks_.end()) tasks_.push_back(task);
  return index;
}

/// The task of each row. The last one's is that of the last action.
std::vector<int64_t> LeRobotWriter::add_tasks(const EpisodeInfo& episode, LeRobotRow& row) {
  std::vector<int64_t> indices;
  for (const EpisodePart& part : parts_of(episode)) {
    const int64_t rows = part.last - part.first + (part.ends ? 1 : 0);
    indices.insert(indices.end(), static_cast<size_t>(rows), task_index(part.instruction));
    const bool known = std::ranges::find(row.tasks, part.instruction) != row.tasks.end();
    if (!known) row.tasks.push_back(part.instruction);
  }
  return indices;
}

void LeRobotWriter::open_data_file() {
  if (data_ && data_bytes_ < options_.data_file_megabytes << 20) return;
  if (data_) data_->close();
  data_bytes_ = 0;
  data_ = std::make_unique<ParquetWriter>(
      lerobot_path(folder_, "data/" + lerobot_file_name(++data_file_, "parquet")).string());
}

void LeRobotWriter::add(int64_t index) {
  const Episode episode = dataset_.read(index);
  open_data_file();
  LeRobotRow row{{}, episode.info.success, episode.info.control_steps + 1, data_file_, rows_, {}, {}};
  ParquetTable table;
  add_pictures(row, table);
  add_tables(episode, row, table);
  data_->append(table);
  rows_ += row.rows;
  episodes_.push_back(std::move(row));
}

void LeRobotWriter::add_tables(const Episode& episode, LeRobotRow& row, ParquetTable& table) {
  std::map<std::string, Matrix> features{{"action", with_held_action(episode)}};
  if (episode.states.size() > 0) features["observation.state"] = episode.states;
  for (const auto& [name, values] : features) table.add_matrix(name, values);
  data_bytes_ += row.rows * (dataset_.action_width() + dataset_.state_width()) * static_cast<int64_t>(sizeof(float));
  const auto count = static_cast<size_t>(row.rows);
  std::vector<float> times;
  for (int64_t frame = 0; frame < row.rows; ++frame) {
    times.push_back(static_cast<float>(static_cast<double>(frame) / options_.frames_per_second));
  }
  table.add_numbers("timestamp", times);
  features["timestamp"] = Eigen::Map<const Matrix>(times.data(), row.rows, 1);
  const std::pair<const char*, std::vector<int64_t>> integers[] = {
      {"frame_index", counted(0, row.rows)},
      {"episode_index", std::vector<int64_t>(count, static_cast<int64_t>(episodes_.size()))},
      {"index", counted(rows_, row.rows)},
      {"task_index", add_tasks(episode.info, row)}};
  for (const auto& [name, values] : integers) {
    table.add_integers(name, values);
    features[name] = column(values);
  }
  for (auto& [name, values] : features) {
    row.statistics[name] = lerobot_statistics(values);
    columns_[name].push_back(std::move(values));
  }
}

void LeRobotWriter::open_video(const std::string& name, Camera& camera, LeRobotRow& row) {
  if (camera.video && camera.video_frames >= options_.video_frames) {
    camera.video->close();
    camera.video.reset();
    camera.video_frames = 0;
    ++camera.video_file;
  }
  row.videos[camera.key] = {camera.video_file, camera.video_frames};
  if (camera.video) return;
  const auto [height, width] = dataset_.frame_size(name);
  const auto path = lerobot_path(folder_, "videos/" + camera.key + "/" + lerobot_file_name(camera.video_file, "mp4"));
  camera.video = std::make_unique<VideoWriter>(path.string(), height, width, options_.frames_per_second);
}

LeRobotWriter::Picture LeRobotWriter::picture_of(Image image) const {
  Picture picture;
  picture.histogram.add(image);
  if (options_.pictures == LeRobotPictures::png) {
    picture.png = encode_png(image, folder_.string());
  } else {
    picture.image = std::move(image);
  }
  return picture;
}

void LeRobotWriter::add_picture(Camera& camera, Picture picture) {
  camera.of_episode.add(picture.histogram);
  if (camera.video) {
    camera.video->add(picture.image);
    ++camera.video_frames;
  } else {
    data_bytes_ += std::ssize(picture.png);
    camera.files.push_back(std::move(picture.png));
  }
}

void LeRobotWriter::add_pictures(LeRobotRow& row, ParquetTable& table) {
  for (auto& [name, camera] : cameras_) {
    if (options_.pictures == LeRobotPictures::mp4) open_video(name, camera, row);
    camera.of_episode = {};
    camera.files.clear();
  }
  for (int64_t frame = 0; frame < row.rows; ++frame) {
    std::vector<Picture> pictures = frames_.next();
    auto next = pictures.begin();
    for (auto& [name, camera] : cameras_) add_picture(camera, std::move(*next++));
  }
  for (auto& [name, camera] : cameras_) {
    if (!camera.video) table.add_pictures(camera.key, camera.files);
    row.statistics[camera.key] = camera.of_episode.statistics();
    camera.pictures.add(camera.of_episode);
  }
}

void LeRobotWriter::close() {
  data_->close();
  for (auto& [name, camera] : cameras_) {
    if (camera.video) camera.video->close();
  }
  write_lerobot_tasks(folder_, tasks_);
  write_lerobot_episodes(folder_, episodes_, options_.frames_per_second);
  write_statistics();
  write_info();
}

void LeRobotWriter::write_statistics() const {
  json statistics;
  for (const auto& [feature, parts] : columns_) {
    statistics[feature] = as_json(lerobot_statistics(join_rows(parts)), false);
  }
  for (const auto& [name, camera] : cameras_) statistics[camera.key] = as_json(camera.pictures.statistics(), true);
  write_json(folder_ / "meta/stats.json", statistics);
}

json LeRobotWriter::features() const {
  json features;
  const auto add = [&](const std::string& name, const char* type, const json& shape, const json& names) {
    features[name] = {{"dtype", type}, {"shape", shape}, {"names", names}};
  };
  const bool video = options_.pictures == LeRobotPictures::mp4;
  for (const auto& [name, camera] : cameras_) {
    const auto [height, width] = dataset_.frame_size(name);
    add(camera.key, video ? "video" : "image", {height, width, 3}, {"height", "width", "channels"});
    if (!video) continue;
    features[camera.key]["info"] = {{"video.height", height},      {"video.width", width},
                                    {"video.codec", "h264"},       {"video.pix_fmt", "yuv420p"},
                                    {"video.channels", 3},         {"video.fps", rate_of(options_.frames_per_second)},
                                    {"video.is_depth_map", false}, {"has_audio", false}};
  }
  const std::vector<std::string>& states = dataset_.recording().state_names;
  add("action", "float32", {dataset_.action_width()}, action_names(dataset_));
  if (dataset_.state_width() > 0) {
    add("observation.state", "float32", {dataset_.state_width()}, states.empty() ? json(nullptr) : json(states));
  }
  add("timestamp", "float32", {1}, nullptr);
  for (const char* name : {"frame_index", "episode_index", "index", "task_index"}) add(name, "int64", {1}, nullptr);
  return features;
}

void LeRobotWriter::add_additions(json& info) const {
  json& additions = info["physgen"];
  additions["control_mode"] = dataset_.info(0).control_mode;
  if (dataset_.info(0).look_every > 1) additions["look_every"] = dataset_.info(0).look_every;
  for (const auto& [low, high] : dataset_.seeds_tried()) additions["seeds_tried"].push_back({low, high});
  for (size_t i = 0; i < episodes_.size(); ++i) {
    if (!episodes_[i].success) additions["failures"].push_back(i);
  }
}

void LeRobotWriter::write_info() const {
  const std::string& robot = dataset_.recording().robot;
  const auto episodes = static_cast<int64_t>(episodes_.size());
  json info = {{"codebase_version", "v3.0"},
               {"robot_type", robot.empty() ? json(nullptr) : json(robot)},
               {"total_episodes", episodes},
               {"total_frames", rows_},
               {"total_tasks", tasks_.size()},
               {"chunks_size", kLeRobotFilesAChunk},
               {"data_files_size_in_mb", options_.data_file_megabytes},
               {"video_files_size_in_mb", kMegabytesAVideo},
               {"fps", rate_of(options_.frames_per_second)},
               {"splits", {{"train", fmt::format("0:{}", episodes)}}},
               {"data_path", kDataPath},
               {"video_path", options_.pictures == LeRobotPictures::mp4 ? json(kVideoPath) : json(nullptr)},
               {"features", features()}};
  add_additions(info);
  write_json(folder_ / "meta/info.json", info);
}

}  // namespace physgen
