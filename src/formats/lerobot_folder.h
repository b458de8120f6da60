#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "formats/demonstration_file.h"
#include "formats/lerobot_frames.h"
#include "formats/lerobot_metadata.h"
#include "formats/parquet_file.h"

namespace physgen {

/// A LeRobot data set of v2.0, v2.1 or v3.0: Parquet files, and PNG within them or videos beside them. An episode's row
/// is what was seen and the action that was taken on it; the last action, after which nothing was seen, is left out.
/// The picture of a row is the one whose presentation time is nearest to the row's `timestamp`, counted from the
/// episode's `from_timestamp`: at most half a frame (of info.json's fps) off, and before its `to_timestamp`.
///
/// Data with states of 8 and actions of 7 whose cameras are `image` and `wrist_image` or `image2` are LIBERO's, as
/// openpi and LeRobot publish it: already upright, with its control mode "osc_pose" and its cameras named agentview and
/// eye_in_hand. Of other data a camera is named by its key without "observation.images.", and the control mode is
/// "lerobot" (absolute) unless meta/info.json says otherwise under "physgen", as LeRobotWriter does. Source: lerobot
/// 0.4.4, datasets/utils.py and lerobot_dataset.py; openpi examples/libero/convert_libero_data_to_lerobot.py.
class LeRobotFolder : public DemonstrationFile {
 public:
  /// Throws FormatError as read_lerobot_metadata does, and where no camera or no episode is there.
  LeRobotFolder(const std::string& path, const std::string& instruction);

  EpisodeShape inspect(int64_t episode) const override;
  Episode read(int64_t episode) const override;
  std::unique_ptr<FrameReader> open_frames(int64_t episode, const std::string& camera) const override;

 private:
  /// The Parquet file that was read last, with where each episode's rows begin in it.
  struct Data {
    ParquetFile file;
    std::map<int64_t, std::pair<int64_t, int64_t>> rows;  // the first and their number, by episode's index
  };

  const LeRobotEpisode& at(int64_t episode) const { return metadata_.episodes[static_cast<size_t>(episode)]; }
  const Data& data_of(const LeRobotEpisode& episode) const;
  int64_t first_row(const LeRobotEpisode& episode) const;
  Matrix read_rows(int64_t episode, const std::string& key, int64_t width) const;
  std::vector<double> read_times(int64_t episode) const;

  LeRobotMetadata metadata_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Data> data_;
  mutable std::shared_ptr<IdleVideos> videos_ = std::make_shared<IdleVideos>();
};

}  // namespace physgen
