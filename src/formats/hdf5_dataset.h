#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <physgen/core/matrix.h>

#include "formats/hdf5_chunks.h"
#include "formats/hdf5_message.h"

namespace physgen {

class Hdf5File;

/// The two kinds of numbers that we read: float32 or float64, and uint8.
enum class Hdf5Numbers { floating, bytes };

/// A dataset whose type, rank and size were found plausible before anything was allocated for it. Used by one thread at
/// a time; others may read the same one through a Hdf5Dataset of their own.
class Hdf5Dataset {
 public:
  /// @param where  names it in errors
  /// Throws FormatError when it holds other numbers or another rank, or claims more than the file can hold.
  Hdf5Dataset(std::shared_ptr<const Hdf5File> file, const std::string& object, Hdf5Numbers numbers, size_t rank,
              std::string where);

  const std::vector<int64_t>& shape() const { return header_.shape; }
  /// All of a dataset [rows, columns] as float32. Throws FormatError.
  Matrix read_matrix();
  /// The bytes of one index of the first dimension, 0 <= index < shape()[0]. Throws FormatError.
  std::vector<uint8_t> read_row(int64_t index);

 private:
  void check_type(Hdf5Numbers numbers) const;
  void check_rank(size_t rank) const;
  void check_storage() const;
  std::vector<uint8_t> read_rows(int64_t first, int64_t count);
  std::vector<uint8_t> read_plain(int64_t first, int64_t count) const;

  std::shared_ptr<const Hdf5File> file_;
  std::string where_;
  Hdf5Header header_;
  std::optional<Hdf5Chunks> chunks_;
};

}  // namespace physgen
