#pragma once

#include <Eigen/Geometry>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <physgen/formats/episode.h>
#include <physgen/formats/frame_reader.h>

namespace physgen {

class DemonstrationFile;

/// Demonstrations, T + 1 observations to T actions, in three layouts. ManiSkill's: pairs of X.h5 and X.json, `traj_*`,
/// frames at obs/sensor_data/CAMERA/rgb [T + 1, H, W, 3] uint8. LIBERO's, published or regenerated without no-ops:
/// TASK_demo.hdf5, `data/demo_*`, frames at obs/CAMERA_rgb, which are turned by 180 degrees, and shifted so that a
/// frame pairs with the action taken on it. LeRobot's folders of v2.0, v2.1 and v3.0 (with
/// Arrow): the last action of an episode, after which nothing was seen, is left out. Episodes are in numeric
/// order. Opening checks shapes; arrays are read when asked for. Safe to use from several threads.
class DemonstrationDataset {
 public:
  /// @param paths        .h5 or .hdf5 files, LeRobot folders, or folders that are searched for them
  /// @param instruction  replaces the files' own; needed where a file has none and its task is not a known one
  /// @param resample     control steps a second that a robot's data are brought to: frames, states and absolute actions
  ///                     nearest in time, joints' movements added up; 0: as they are, and of one rate
  /// Throws ConfigError for a path that does not exist and for data that cannot be resampled, FormatError for
  /// everything that is wrong inside.
  explicit DemonstrationDataset(const std::vector<std::string>& paths, const std::string& instruction = "",
                                double resample = 0);
  /// Of one that is no file's, such as a recording.
  explicit DemonstrationDataset(std::unique_ptr<DemonstrationFile> demonstrations);
  ~DemonstrationDataset();

  DemonstrationDataset(DemonstrationDataset&&) noexcept;
  DemonstrationDataset& operator=(DemonstrationDataset&&) noexcept;

  /// The number of episodes of all files.
  int64_t size() const;
  const EpisodeInfo& info(int64_t episode) const;
  /// The cameras that every episode has, sorted by name.
  const std::vector<std::string>& cameras() const;
  /// The camera that a name stands for: its own name, its key in a LeRobot data set ("observation.images.rgb.head"), or
  /// the end of one of them alone ("head" for "rgb.head"). Throws ConfigError for a name of no camera, of several, and
  /// of pictures that show no colours.
  const std::string& camera(const std::string& name) const;
  int64_t action_width() const;
  int64_t state_width() const;  ///< 0 without obs/agent/qpos, obs/ee_states, observation.state
  /// What the first of the files was recorded with. For ManiSkill's and LIBERO's own files the rate is their
  /// controllers'.
  const Recording& recording() const;
  /// Height and width of the frames of a camera, by any name that `camera` takes; throws as that does.
  std::pair<int64_t, int64_t> frame_size(const std::string& camera) const;
  /// Inclusive ranges of the seeds that the demonstrator tried, failures included: evaluation excludes them.
  const std::vector<std::pair<int64_t, int64_t>>& seeds_tried() const;

  /// What looks like demonstrations among the paths and in their files, and is not read.
  const std::vector<LeftOut>& left_out() const;

  /// Actions and states, checked to be finite. Throws FormatError where they are not.
  Episode read(int64_t episode) const;
  /// Where the hand is at the first frame of an episode, seen from the robot's base: of obs/extra/tcp_pose and the one
  /// robot in env_states/articulations. Nothing where the file does not tell.
  std::optional<Eigen::Isometry3d> read_hand(int64_t episode) const;
  /// The frames of one camera, by any name that `camera` takes, in an episode: T + 1. The dataset must outlive the
  /// reader. Throws as `camera` does, and FormatError when the file cannot give them.
  std::unique_ptr<FrameReader> open_frames(int64_t episode, const std::string& camera) const;
  /// One of them, 0 <= index <= T.
  Image read_frame(int64_t episode, const std::string& camera, int64_t index) const;

 private:
  struct Files;
  std::unique_ptr<Files> files_;
};

}  // namespace physgen
