#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/hdf5_handle.h"
#include "formats/hdf5_message.h"

namespace physgen {

/// HDF5's library: each call of it is made here. It answers where things lie in files; what lies there is read by
/// others. Throws Hdf5Failure. Used by one thread.
class Hdf5Library {
 public:
  Hdf5Library();

  /// Opens a file for reading and gives it a number.
  int64_t open(const std::string& path);
  void close(int64_t file) { files_.erase(file); }
  Hdf5Path follow(int64_t file, const std::string& object);
  /// Names in a group, in no order.
  std::vector<std::string> children(int64_t file, const std::string& group);
  bool has_attribute(int64_t file, const std::string& object, const std::string& name);
  Hdf5Header header(int64_t file, const std::string& dataset);
  /// @param offset  of the chunk's first value in the dataset
  Hdf5Chunk chunk(int64_t file, const std::string& dataset, const std::vector<int64_t>& offset);

 private:
  struct File {
    Hdf5Handle handle;
    uint64_t chunks_begin = 0;                        // what the library leaves out of the addresses of chunks
    std::map<std::string, Hdf5Handle> datasets = {};  // those that were asked for last
  };
  hid_t at(int64_t file) const { return files_.at(file).handle.get(); }
  H5I_type_t type_of(int64_t file, const std::string& object) const;
  hid_t dataset(int64_t file, const std::string& name);

  std::map<int64_t, File> files_;
  int64_t next_ = 0;
};

}  // namespace physgen
