#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <physgen/core/choice.h>
#include <physgen/data/demonstration_dataset.h>

namespace physgen {

/// How the pictures of a LeRobot data set are kept: as PNG in the Parquet files, which loses nothing, or as H.264.
enum class LeRobotPictures { png, mp4 };
constexpr auto choices_of(LeRobotPictures) {
  return std::to_array<Choice<LeRobotPictures>>({{LeRobotPictures::png, "png"}, {LeRobotPictures::mp4, "mp4"}});
}

struct LeRobotOptions {
  LeRobotPictures pictures = LeRobotPictures::png;
  double frames_per_second = 0;       ///< 0: that of the demonstrations
  int64_t data_file_megabytes = 100;  ///< a Parquet file that is larger is the last episode's that it gets
  int64_t video_frames = 10000;       ///< likewise of an MP4; well below LeRobot's 200 MB at LIBERO's 256 pixels
};

/// Throws ConfigError where the library was built without Arrow. @param where  for the error
void require_lerobot(const std::string& where);

/// Writes demonstrations as a LeRobot data set of v3.0 into an existing, empty folder. An episode of T actions gets
/// T + 1 rows: the action of the last one is holding still (`held_action`). LIBERO's cameras are named image and
/// image2, as in the published data sets; meta/info.json has one more object, "physgen", with the control mode, the
/// seeds tried and the episodes that failed.
/// @param progress  called before each episode, with its index
/// Throws ConfigError where the library was built without Arrow and for MP4 of an odd size, FormatError as the
/// dataset does, Error where a file cannot be written.
/// Source: lerobot 0.4.4, datasets/utils.py and lerobot_dataset.py.
void write_lerobot(const DemonstrationDataset& dataset, const std::string& folder, const LeRobotOptions& options,
                   const std::function<void(int64_t episode)>& progress = {});

}  // namespace physgen
