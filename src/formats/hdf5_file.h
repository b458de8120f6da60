#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "formats/byte_file.h"
#include "formats/hdf5_dataset.h"
#include "formats/hdf5_process.h"

namespace physgen {

/// An HDF5 file, open for reading. Links are followed within the file, and into other files of its folder and below.
/// Each function throws FormatError for a link that leads out of there, to a file that is missing, or in a circle, and
/// with HDF5's own words for what is damaged. Safe to use from several threads.
class Hdf5File : public std::enable_shared_from_this<Hdf5File> {
 public:
  /// Throws FormatError for a file that is empty, truncated or not HDF5, and Error for one that cannot be opened.
  static std::shared_ptr<const Hdf5File> open(const std::string& path);
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;
  ~Hdf5File();

  const std::string& path() const { return path_; }
  const ByteFile& bytes() const { return bytes_; }
  /// Names in a group, sorted; none where there is no such group.
  std::vector<std::string> children(const std::string& group) const;
  bool exists(const std::string& object) const;
  /// Of a group or dataset; false where there is no such object.
  bool has_attribute(const std::string& object, const std::string& name) const;
  /// Throws FormatError when `object` is missing, and as Hdf5Dataset does.
  Hdf5Dataset open(const std::string& object, Hdf5Numbers numbers, size_t rank) const;

  /// One of Hdf5Library's functions, of an object of this file.
  nlohmann::json ask(const char* function, const std::string& object, const nlohmann::json& argument = nullptr) const;

 private:
  explicit Hdf5File(const std::string& path);
  /// Where an object is once all links are followed.
  struct Place {
    const Hdf5File* file;
    std::string object;
    std::string type;  // "group", "dataset" or "object"
  };
  std::optional<Place> find(const std::string& object, int links = 0) const;
  const Hdf5File& linked(const std::string& file, const std::string& link) const;

  std::string path_;
  ByteFile bytes_;
  mutable Hdf5Id id_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const Hdf5File>> linked_;  // by path
};

}  // namespace physgen
