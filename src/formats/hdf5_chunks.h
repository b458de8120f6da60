#pragma once

#include <hdf5.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/byte_file.h"

namespace physgen {

/// Reads the chunks of a dataset. HDF5 says where they lie in the file; reading them and undoing gzip and shuffle is
/// done here, because HDF5 1.10 trusts a chunk to have the size that the dataset claims and reads past it where it has
/// not.
class Hdf5Chunks {
 public:
  Hdf5Chunks() = default;
  /// @param where  names the dataset in errors
  /// Throws FormatError for chunks that cannot be of this file and for other filters than gzip and shuffle.
  Hdf5Chunks(hid_t dataset, const std::vector<int64_t>& shape, int64_t element_size,
             std::shared_ptr<const ByteFile> bytes, std::string where);

  /// The bytes of one index of the first dimension. The chunks that hold it are kept for its neighbours. Throws
  /// FormatError.
  const uint8_t* row(hid_t dataset, int64_t index);

 private:
  void read_filters(hid_t properties);
  void read_slab(hid_t dataset, int64_t first);
  std::vector<uint8_t> read_chunk(hid_t dataset, const std::vector<hsize_t>& offset) const;
  std::vector<uint8_t> decode(std::vector<uint8_t> bytes, uint32_t skipped) const;
  std::vector<uint8_t> inflate(const std::vector<uint8_t>& bytes) const;
  std::vector<uint8_t> unshuffle(const std::vector<uint8_t>& bytes) const;
  void paste(const std::vector<uint8_t>& chunk, const std::vector<hsize_t>& offset);
  [[noreturn]] void fail(const std::string& got, const std::string& expected) const;

  std::vector<int64_t> shape_;
  std::vector<int64_t> sides_;  // of a chunk
  std::vector<H5Z_filter_t> filters_;
  int64_t element_size_ = 0;
  int64_t chunk_bytes_ = 0;
  int64_t row_bytes_ = 0;
  std::shared_ptr<const ByteFile> bytes_;
  std::string where_;
  std::string place_;          // where_, and the row that is being read
  std::vector<uint8_t> slab_;  // the rows of one line of chunks
  int64_t slab_first_ = -1;
};

}  // namespace physgen
