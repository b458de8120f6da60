#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/byte_file.h"
#include "formats/hdf5_dataset.h"
#include "formats/hdf5_handle.h"

namespace physgen {

/// An HDF5 file, open for reading. Links are followed within the file, and into other files of its folder and below.
/// Each function throws FormatError for a link that leads out of there, to a file that is missing, or in a circle.
class Hdf5File {
 public:
  /// Throws FormatError for a file that is empty, truncated or not HDF5, and Error for one that cannot be opened.
  explicit Hdf5File(const std::string& path);

  const std::string& path() const { return path_; }
  /// Names in a group, sorted; none where there is no such group.
  std::vector<std::string> children(const std::string& group) const;
  bool exists(const std::string& object) const;
  /// Of a group or dataset; false where there is no such object.
  bool has_attribute(const std::string& object, const std::string& name) const;
  /// Throws FormatError when `object` is missing, and as Hdf5Dataset does.
  Hdf5Dataset open(const std::string& object, Hdf5Numbers numbers, int rank) const;

 private:
  /// Where an object is once all links are followed.
  struct Place {
    const Hdf5File* file;
    std::string object;
  };
  std::optional<Place> find(const std::string& object, int links = 0) const;
  Place target_of(const std::string& link, size_t value_size, bool external) const;
  const Hdf5File& linked(const std::string& file, const std::string& link) const;
  bool is(const std::string& object, H5I_type_t type) const;

  std::string path_;
  std::shared_ptr<const ByteFile> bytes_;
  Hdf5Handle handle_;
  mutable std::map<std::string, std::unique_ptr<const Hdf5File>> linked_;  // by path
};

}  // namespace physgen
