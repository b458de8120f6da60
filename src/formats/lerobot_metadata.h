#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <physgen/formats/episode.h>

namespace physgen {

/// Where an episode's frames lie in a video, in seconds of its clock.
struct LeRobotVideo {
  std::string path;
  double start = 0;
  double end = std::numeric_limits<double>::infinity();  ///< when the next may begin; infinite where it is not told
};

struct LeRobotEpisode {
  int64_t index = 0;  ///< in the data set
  int64_t rows = 0;
  std::vector<std::string> tasks;                   ///< those of its rows, as `meta` says; empty: it does not
  std::string data;                                 ///< the Parquet file that holds its rows
  std::map<std::string, LeRobotVideo> videos = {};  ///< by camera
  bool success = true;
  std::string instruction = {};  ///< the first row's
  std::vector<LaterTask> later_tasks = {};
};

/// What the times of neighbouring frames may be off, in frames.
constexpr double kFrameShare = 0.25;

/// A camera's column.
struct LeRobotCamera {
  std::string key;
  bool video = false;  ///< frames are in videos, otherwise in the Parquet files as PNG or JPEG
  std::pair<int64_t, int64_t> size = {0, 0};
};

/// What stands in the folder `meta` of a LeRobot data set of v2.0, v2.1 or v3.0, as far as it is used.
struct LeRobotMetadata {
  Recording recording;  ///< its frames_per_second is info.json's, more than 0
  std::string control_mode = "lerobot";
  int64_t look_every = 1;  ///< as EpisodeInfo's
  std::string action_key;
  std::string state_key;  ///< "" without states
  int64_t action_width = 0;
  int64_t state_width = 0;
  std::map<std::string, LeRobotCamera> cameras;  ///< by their keys, without "observation.images." where that is so
  std::map<std::string, std::string> unusable;   ///< likewise: the pictures that are no RGB, and what they are
  std::vector<std::pair<int64_t, int64_t>> seeds_tried;
  std::vector<std::string> splits;       ///< the names of those that info.json makes, where there are several
  std::vector<LeRobotEpisode> episodes;  ///< ascending
};

/// The files of an ending in a folder and below, sorted; none where there is no such folder.
std::vector<std::filesystem::path> files_with_ending(const std::filesystem::path& folder, const std::string& ending);

/// Throws FormatError where a file of `meta` is missing or is not as LeRobot writes it, and for another version.
/// @param instruction  replaces the tasks of all rows; empty: it does not
LeRobotMetadata read_lerobot_metadata(const std::filesystem::path& folder, const std::string& instruction);

}  // namespace physgen
