#pragma once

#include <Eigen/Geometry>

#include <cstdint>
#include <map>
#include <memory>
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
  int64_t state_width = 0;                                     ///< 0 without states
  std::map<std::string, std::pair<int64_t, int64_t>> cameras;  ///< height and width of the frames
};

/// One HDF5 file of demonstrations, whatever its layout.
class DemonstrationFile {
 public:
  virtual ~DemonstrationFile() = default;

  const std::string& path() const { return file_.path(); }
  int64_t size() const { return static_cast<int64_t>(episodes_.size()); }
  const EpisodeInfo& info(int64_t episode) const { return episodes_[static_cast<size_t>(episode)]; }
  const std::optional<std::pair<int64_t, int64_t>>& seeds_tried() const { return seeds_tried_; }

  /// Throws FormatError when the episode's arrays do not fit each other.
  virtual EpisodeShape inspect(int64_t episode) const = 0;
  /// Throws FormatError for numbers that are not finite.
  virtual Episode read(int64_t episode) const = 0;
  /// Where the hand is at the first frame, seen from the robot's base; nothing where the file does not tell.
  virtual std::optional<Eigen::Isometry3d> read_hand(int64_t) const { return std::nullopt; }
  /// Upright. Throws FormatError when there is no such frame.
  virtual Image read_frame(int64_t episode, const std::string& camera, int64_t index) const = 0;

 protected:
  explicit DemonstrationFile(Hdf5File file) : file_(std::move(file)) {}

  std::string where(const std::string& object) const { return path() + ":" + object; }
  /// The columns of a table, which has as many rows as `why` says. Throws FormatError.
  int64_t inspect_table(const std::string& object, int64_t rows, const std::string& why) const;
  /// Height and width of frames [rows, H, W, 3]. Throws FormatError.
  std::pair<int64_t, int64_t> inspect_frames(const std::string& object, int64_t rows, const std::string& why) const;
  /// Throws FormatError for numbers that are not finite.
  Matrix read_table(const std::string& object, const std::string& episode) const;
  Image read_picture(const std::string& object, int64_t index) const;

  Hdf5File file_;
  std::vector<EpisodeInfo> episodes_;
  std::optional<std::pair<int64_t, int64_t>> seeds_tried_;

 private:
  struct Frames {
    std::string name;
    Hdf5Dataset dataset;
  };
  mutable std::optional<Frames> last_frames_;  // open, so that the next frame finds its chunk decompressed
};

/// The numbers of the groups `<prefix><number>` in a group, sorted as numbers: traj_10 comes after traj_9.
std::vector<int64_t> numbered_groups(const Hdf5File& file, const std::string& group, const std::string& prefix);

/// Opens a file in ManiSkill's layout or in LIBERO's, which has all its episodes in a group `data`.
/// @param instruction  replaces the file's own; empty: none
/// Throws FormatError.
std::unique_ptr<DemonstrationFile> open_demonstration_file(const std::string& path, const std::string& instruction);

}  // namespace physgen
