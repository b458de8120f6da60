#pragma once

#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <physgen/core/error.h>

#include "core/json_file.h"
#include "formats/demonstration_file.h"

namespace physgen {

constexpr JsonWords kPictureFolderWords = {.damaged = "a folder of demonstrations is not as it should be",
                                           .missing = "a folder of demonstrations lacks a file",
                                           .next_step = "record this episode again"};

inline bool is_picture_folder(const std::filesystem::path& path) {
  std::error_code unreachable;
  return std::filesystem::exists(path / "robot.json", unreachable);
}

/// A list of lists of numbers, as long as each other. Throws FormatError. @param count  of rows, at least 1
inline Matrix rows_of(const JsonView& list, int64_t count) {
  constexpr double kMost = std::numeric_limits<float>::max();
  const std::vector<JsonView> rows = list.items();
  if (std::ssize(rows) != count) list.refuse(std::to_string(rows.size()) + " rows", std::to_string(count));
  const int64_t columns = std::ssize(rows.at(0).items());
  for (const JsonView& row : rows) {  // before there is memory for as many
    if (columns < 1 || std::ssize(row.items()) != columns) row.refuse("as many numbers in each row, at least 1");
  }
  Matrix values(count, columns);
  for (int64_t row = 0; row < count; ++row) {
    int64_t column = 0;
    for (const JsonView& number : rows[static_cast<size_t>(row)].items()) {
      values(row, column++) = static_cast<float>(number.number(-kMost, kMost));
    }
  }
  return values;
}

/// A folder of 0.png, 1.png, ...
class PictureFrames : public FrameReader {
 public:
  /// @param size  height and width that each must have
  PictureFrames(std::string folder, int64_t count, std::pair<int64_t, int64_t> size)
      : folder_(std::move(folder)), count_(count), size_(size) {}

  Image read(int64_t index) override {
    check_frame(index, count_, folder_);
    const std::string path = folder_ + "/" + std::to_string(index) + ".png";
    Image frame = read_png(path);
    if (std::pair{frame.height, frame.width} == size_) return frame;
    throw FormatError({"a frame has another size than the first one", path,
                       std::to_string(frame.height) + " x " + std::to_string(frame.width),
                       std::to_string(size_.first) + " x " + std::to_string(size_.second), "record it again"});
  }

 private:
  std::string folder_;
  int64_t count_;
  std::pair<int64_t, int64_t> size_;
};

/// A folder of plain files, with T actions and T + 1 pictures an episode:
///   robot.json             {"control_mode": "joint_pos", "frames_per_second": 10, "cameras": ["front"], "episodes": 2}
///   episode_0.json         {"instruction": "Pour.", "actions": [[...], ...], "states": [[...], ...]}
///   episode_0/front/0.png  what "front" saw before the first action; T.png: after the last one
class PictureFolder : public DemonstrationFile {
 public:
  PictureFolder(const std::string& path, const std::string& instruction) : DemonstrationFile(path) {
    const JsonView robot = read_json_file(path + "/robot.json", kPictureFolderWords);
    recording_ = {.frames_per_second = robot.number_or("frames_per_second", 0, 0, 1000),
                  .robot = robot.text_or("robot", ""),
                  .action_names = {},
                  .state_names = {}};
    for (const JsonView& camera : robot.at("cameras").items()) {
      if (camera.text().find_first_of("./") != std::string::npos) camera.refuse("a name without . and /");
      cameras_.push_back(camera.text());
    }
    if (cameras_.empty()) robot.at("cameras").refuse("at least one camera");
    const int64_t episodes = robot.at("episodes").integer(1, 1'000'000);
    for (int64_t i = 0; i < episodes; ++i) add(robot.at("control_mode").text(), instruction);
  }

  EpisodeShape inspect(int64_t episode) const override {
    const Episode numbers = read(episode);
    EpisodeShape shape{.action_width = numbers.actions.cols(), .state_width = numbers.states.cols(), .cameras = {}};
    for (const std::string& camera : cameras_) shape.cameras[camera] = size_of(episode, camera);
    return shape;
  }

  Episode read(int64_t episode) const override {
    const JsonView file = file_of(episode);
    const int64_t steps = info(episode).control_steps;
    Episode result{info(episode), rows_of(file.at("actions"), steps), {}};
    if (file.has("states")) result.states = rows_of(file.at("states"), steps + 1);
    return result;
  }

  std::unique_ptr<FrameReader> open_frames(int64_t episode, const std::string& camera) const override {
    return std::make_unique<PictureFrames>(name_of(episode) + "/" + camera, info(episode).control_steps + 1,
                                           size_of(episode, camera));
  }

 private:
  std::string name_of(int64_t episode) const { return path() + "/episode_" + std::to_string(episode); }
  JsonView file_of(int64_t episode) const { return read_json_file(name_of(episode) + ".json", kPictureFolderWords); }

  /// Of its first picture.
  std::pair<int64_t, int64_t> size_of(int64_t episode, const std::string& camera) const {
    const Image first = read_png(name_of(episode) + "/" + camera + "/0.png");
    return {first.height, first.width};
  }

  void add(const std::string& control_mode, const std::string& instruction) {
    const JsonView file = file_of(size());
    const int64_t steps = std::ssize(file.at("actions").items());
    if (steps == 0) file.at("actions").refuse("at least one row");
    const std::string task = instruction.empty() ? file.at("instruction").text() : instruction;
    episodes_.push_back({.source = name_of(size()),
                         .task = task,
                         .instruction = task,
                         .control_mode = control_mode,
                         .control_steps = steps,
                         .success = file.flag_or("success", true)});
  }

  std::vector<std::string> cameras_;
};

}  // namespace physgen
