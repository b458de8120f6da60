#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "formats/demonstration_file.h"
#include "formats/hdf5_file.h"

namespace physgen {

/// How ManiSkill and LIBERO record: their controllers run at 20 Hz.
inline const Recording kPandaInSimulation{
    .frames_per_second = 20, .robot = "panda", .action_names = {}, .state_names = {}};

/// One HDF5 file of demonstrations, whatever its layout.
class Hdf5Demonstrations : public DemonstrationFile {
 protected:
  explicit Hdf5Demonstrations(std::shared_ptr<const Hdf5File> file)
      : DemonstrationFile(file->path()), file_(std::move(file)) {
    recording_ = kPandaInSimulation;
  }

  std::string where(const std::string& object) const { return path() + ":" + object; }
  /// Finds the groups of the episodes. @param group  "" for the file's own, or "data/"
  void find_groups(const std::string& group, const std::string& prefix);
  /// A path within an episode's group. @param name  "actions"
  std::string object(int64_t episode, const std::string& name) const;
  /// The columns of a table, which has as many rows as `why` says. Throws FormatError.
  int64_t inspect_table(const std::string& object, int64_t rows, const std::string& why) const;
  /// Height and width of frames [rows, H, W, 3]. Throws FormatError.
  std::pair<int64_t, int64_t> inspect_frames(const std::string& object, int64_t rows, const std::string& why) const;
  /// Throws FormatError for numbers that are not finite.
  Matrix read_table(const std::string& object, const std::string& episode) const;

  std::shared_ptr<const Hdf5File> file_;
  std::vector<std::string> groups_;  ///< of the episodes
  std::vector<int64_t> ids_;         ///< their numbers
};

/// Frames [rows, H, W, 3] of a dataset.
class Hdf5Frames : public FrameReader {
 public:
  /// @param where  names the dataset in errors
  Hdf5Frames(Hdf5Dataset frames, std::string where) : frames_(std::move(frames)), where_(std::move(where)) {}
  Image read(int64_t index) override;

 private:
  Hdf5Dataset frames_;  // keeps the chunk that the next frame may be in
  std::string where_;
};

/// The episodes in a group of a file.
struct NumberedGroups {
  std::map<int64_t, std::string> names;  ///< `<prefix><number>`, by number: traj_10 comes after traj_9
  std::vector<LeftOut> left_out;         ///< what looks like one: another name, a number that is missing
};
NumberedGroups numbered_groups(const Hdf5File& file, const std::string& group, const std::string& prefix);

}  // namespace physgen
