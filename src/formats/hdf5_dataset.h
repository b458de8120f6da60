#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <physgen/core/matrix.h>

#include "formats/byte_file.h"
#include "formats/hdf5_chunks.h"
#include "formats/hdf5_handle.h"

namespace physgen {

/// The two kinds of numbers that we read: float32 or float64, and uint8.
enum class Hdf5Numbers { floating, bytes };

/// A dataset whose type, rank and size were found plausible before anything was allocated for it.
class Hdf5Dataset {
 public:
  /// Throws FormatError when it holds other numbers or another rank, or claims more than the file can hold.
  Hdf5Dataset(Hdf5Handle handle, Hdf5Numbers numbers, int rank, std::shared_ptr<const ByteFile> bytes,
              std::string where);

  const std::vector<int64_t>& shape() const { return shape_; }
  /// All of a dataset [rows, columns] as float32. Throws FormatError.
  Matrix read_matrix();
  /// The bytes of one index of the first dimension, 0 <= index < shape()[0]. Throws FormatError.
  std::vector<uint8_t> read_row(int64_t index);

 private:
  void check_type(Hdf5Numbers numbers);
  void read_shape(int rank);
  void check_storage() const;
  std::vector<uint8_t> read_rows(int64_t first, int64_t count);
  std::vector<uint8_t> read_plain(int64_t first, int64_t count) const;

  Hdf5Handle handle_;
  std::shared_ptr<const ByteFile> bytes_;
  std::string where_;
  std::vector<int64_t> shape_;
  int64_t element_size_ = 0;
  std::optional<Hdf5Chunks> chunks_;
};

}  // namespace physgen
