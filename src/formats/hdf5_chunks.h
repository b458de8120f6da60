#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/hdf5_message.h"

namespace physgen {

class Hdf5File;

/// Reads the chunks of a dataset. HDF5 says where they lie in the file; reading them and undoing gzip and shuffle is
/// done here: HDF5 1.10 trusts a chunk to have the size that the dataset claims and reads past it where it has not, and
/// it works on one thread.
class Hdf5Chunks {
 public:
  Hdf5Chunks() = default;
  /// @param where  names the dataset in errors
  /// Throws FormatError for chunks that cannot be of this file and for other filters than gzip, shuffle and fletcher32.
  Hdf5Chunks(std::shared_ptr<const Hdf5File> file, std::string object, const Hdf5Header& header, std::string where);

  /// The bytes of one index of the first dimension. The chunks that hold it are kept for its neighbours. Throws
  /// FormatError.
  const uint8_t* row(int64_t index);

 private:
  void check_filters() const;
  void read_slab(int64_t first);
  std::vector<uint8_t> read_chunk(const std::vector<int64_t>& offset) const;
  std::vector<uint8_t> decode(std::vector<uint8_t> bytes, uint32_t skipped) const;
  std::vector<uint8_t> inflate(const std::vector<uint8_t>& bytes) const;
  std::vector<uint8_t> unshuffle(const std::vector<uint8_t>& bytes) const;
  std::vector<uint8_t> without_checksum(std::vector<uint8_t> bytes) const;
  void paste(const std::vector<uint8_t>& chunk, const std::vector<int64_t>& offset);
  [[noreturn]] void fail(const std::string& got, const std::string& expected) const;

  std::shared_ptr<const Hdf5File> file_;
  std::string object_;
  std::vector<int64_t> shape_;
  std::vector<int64_t> sides_;  // of a chunk
  std::vector<Hdf5Filter> filters_;
  int64_t element_size_ = 0;
  int64_t chunk_bytes_ = 0;
  int64_t row_bytes_ = 0;
  std::string where_;
  std::string place_;          // where_, and the row that is being read
  std::vector<uint8_t> slab_;  // the rows of one line of chunks
  int64_t slab_first_ = -1;
};

}  // namespace physgen
