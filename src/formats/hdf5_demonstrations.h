#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/demonstration_file.h"
#include "formats/hdf5_file.h"

namespace physgen {

/// One HDF5 file of demonstrations, whatever its layout.
class Hdf5Demonstrations : public DemonstrationFile {
 protected:
  explicit Hdf5Demonstrations(Hdf5File file) : DemonstrationFile(file.path()), file_(std::move(file)) {}

  std::string where(const std::string& object) const { return path() + ":" + object; }
  /// The columns of a table, which has as many rows as `why` says. Throws FormatError.
  int64_t inspect_table(const std::string& object, int64_t rows, const std::string& why) const;
  /// Height and width of frames [rows, H, W, 3]. Throws FormatError.
  std::pair<int64_t, int64_t> inspect_frames(const std::string& object, int64_t rows, const std::string& why) const;
  /// Throws FormatError for numbers that are not finite.
  Matrix read_table(const std::string& object, const std::string& episode) const;
  Image read_picture(const std::string& object, int64_t index) const;

  Hdf5File file_;

 private:
  struct Frames {
    std::string name;
    Hdf5Dataset dataset;
  };
  mutable std::optional<Frames> last_frames_;  // open, so that the next frame finds its chunk decompressed
};

/// The numbers of the groups `<prefix><number>` in a group, sorted as numbers: traj_10 comes after traj_9.
std::vector<int64_t> numbered_groups(const Hdf5File& file, const std::string& group, const std::string& prefix);

}  // namespace physgen
