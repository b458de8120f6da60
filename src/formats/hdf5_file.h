#pragma once

#include <memory>
#include <string>
#include <vector>

#include "formats/byte_file.h"
#include "formats/hdf5_dataset.h"
#include "formats/hdf5_handle.h"

namespace physgen {

/// An HDF5 file, open for reading. Links that lead out of the file are not followed.
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
  std::string path_;
  std::shared_ptr<const ByteFile> bytes_;
  Hdf5Handle handle_;
};

}  // namespace physgen
