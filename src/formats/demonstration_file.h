#pragma once

#include <Eigen/Geometry>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <physgen/formats/episode.h>
#include <physgen/formats/frame_reader.h>

namespace physgen {

/// The widths and sizes of an episode's arrays, checked against each other without reading them.
struct EpisodeShape {
  int64_t action_width = 0;
  int64_t state_width = 0;                                     ///< 0 without states
  std::map<std::string, std::pair<int64_t, int64_t>> cameras;  ///< height and width of the frames
  std::map<std::string, std::string> unusable = {};            ///< other pictures, and what they are: "depth"
};

/// One HDF5 file or LeRobot folder of demonstrations, whatever its layout. Safe to use from several threads.
class DemonstrationFile {
 public:
  virtual ~DemonstrationFile() = default;

  const std::string& path() const { return path_; }
  int64_t size() const { return static_cast<int64_t>(episodes_.size()); }
  const EpisodeInfo& info(int64_t episode) const { return episodes_[static_cast<size_t>(episode)]; }
  const std::vector<std::pair<int64_t, int64_t>>& seeds_tried() const { return seeds_tried_; }
  const Recording& recording() const { return recording_; }
  /// What looks like an episode of this file and is none.
  const std::vector<LeftOut>& left_out() const { return left_out_; }

  /// Throws FormatError when the episode's arrays do not fit each other.
  virtual EpisodeShape inspect(int64_t episode) const = 0;
  /// Throws FormatError for numbers that are not finite.
  virtual Episode read(int64_t episode) const = 0;
  /// Where the hand is at the first frame, seen from the robot's base; nothing where the file does not tell.
  virtual std::optional<Eigen::Isometry3d> read_hand(int64_t) const { return std::nullopt; }
  /// The file must outlive the reader. Throws FormatError where the pictures are not as `inspect` says.
  virtual std::unique_ptr<FrameReader> open_frames(int64_t episode, const std::string& camera) const = 0;

 protected:
  explicit DemonstrationFile(std::string path) : path_(std::move(path)) {}

  std::vector<EpisodeInfo> episodes_;
  std::vector<std::pair<int64_t, int64_t>> seeds_tried_;
  Recording recording_;
  std::vector<LeftOut> left_out_;

 private:
  std::string path_;
};

constexpr int64_t kMostPixelsPerSide = 16384;
constexpr int64_t kMostColumns = 4096;

/// Throws FormatError for a number that is not finite, with its row and column.
/// @param where  file and array    @param episode  its name in the file
void check_finite(const Matrix& values, const std::string& where, const std::string& episode);

/// Throws FormatError for an action that LIBERO's controller does not take: beyond [-1, 1].
void check_osc_range(const Matrix& actions, const std::string& where);

/// A line for the numbers below the greatest that are not among some: "3 to 5, 9 and 2 more".
/// @param numbers  ascending    @param name  of what is numbered, "data/demo_"
std::vector<LeftOut> missing_numbers(const std::vector<int64_t>& numbers, const std::string& where,
                                     const std::string& name);

/// Throws FormatError where an episode has no frame of this index.
void check_frame(int64_t index, int64_t frames, const std::string& where);

/// Whether a folder is a LeRobot data set: it has a meta/info.json.
bool is_lerobot_folder(const std::filesystem::path& path);

/// Opens a file in ManiSkill's layout or in LIBERO's, which has all its episodes in a group `data`, or a LeRobot
/// folder.
/// @param instruction  replaces the file's own; empty: none
/// Throws FormatError; ConfigError for a LeRobot folder where the library was built without Arrow.
std::unique_ptr<DemonstrationFile> open_demonstration_file(const std::string& path, const std::string& instruction);

}  // namespace physgen
