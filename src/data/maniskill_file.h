#pragma once

#include <Eigen/Geometry>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <physgen/data/episode.h>
#include <physgen/media/image.h>

#include "data/hdf5_file.h"

namespace physgen {

/// The widths and sizes of an episode's arrays, checked against each other without reading them.
struct EpisodeShape {
  int64_t action_width = 0;
  int64_t state_width = 0;                                     ///< 0 without obs/agent/qpos
  std::map<std::string, std::pair<int64_t, int64_t>> cameras;  ///< height and width of the frames
};

/// One pair of X.h5 and X.json.
class ManiSkillFile {
 public:
  /// Checks that both files list the same episodes, at least one. Throws FormatError.
  ManiSkillFile(const std::string& path, const std::string& instruction);

  const std::string& path() const { return file_.path(); }
  int64_t size() const { return static_cast<int64_t>(episodes_.size()); }
  const EpisodeInfo& info(int64_t episode) const { return episodes_[static_cast<size_t>(episode)]; }
  const std::optional<std::pair<int64_t, int64_t>>& seeds_tried() const { return seeds_tried_; }

  /// Throws FormatError when the episode's arrays do not fit each other or the JSON.
  EpisodeShape inspect(int64_t episode) const;
  /// Throws FormatError for numbers that are not finite.
  Episode read(int64_t episode) const;
  /// Where the hand is at the first frame, seen from the robot's base; nothing where the file does not tell.
  std::optional<Eigen::Isometry3d> read_hand(int64_t episode) const;
  /// Throws FormatError when there is no such frame.
  Image read_frame(int64_t episode, const std::string& camera, int64_t index) const;

 private:
  struct Frames {
    std::string name;
    Hdf5Dataset dataset;
  };

  void check_episodes(const std::string& json_path, const std::vector<int64_t>& listed) const;
  std::string object(int64_t episode, const std::string& name) const;
  int64_t inspect_actions(int64_t episode) const;
  int64_t inspect_states(int64_t episode) const;
  std::pair<int64_t, int64_t> inspect_camera(int64_t episode, const std::string& camera) const;

  Hdf5File file_;
  std::vector<int64_t> ids_;
  std::vector<EpisodeInfo> episodes_;
  std::optional<std::pair<int64_t, int64_t>> seeds_tried_;
  mutable std::optional<Frames> last_frames_;  // open, so that the next frame finds its chunk decompressed
};

}  // namespace physgen
