#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <physgen/core/matrix.h>

namespace physgen {

/// A Parquet file, read column by column. Columns are named as they stand at the top of its schema. Every function
/// throws FormatError, with file and column, where the column is missing, of another type, damaged or has empty places.
class ParquetFile {
 public:
  explicit ParquetFile(const std::string& path);
  ~ParquetFile();
  ParquetFile(ParquetFile&&) noexcept;
  ParquetFile& operator=(ParquetFile&&) noexcept;

  const std::string& path() const { return path_; }
  int64_t rows() const;
  bool has(const std::string& column) const;

  std::vector<int64_t> read_integers(const std::string& column) const;
  std::vector<double> read_numbers(const std::string& column) const;
  std::vector<std::vector<std::string>> read_text_lists(const std::string& column) const;
  /// A number or a list of numbers, as long in every row. [rows, width]
  Matrix read_matrix(const std::string& column, int64_t first, int64_t rows) const;
  /// The member `bytes` of a struct {bytes, path}: one picture's file a row.
  std::vector<std::string> read_pictures(const std::string& column, int64_t first, int64_t rows) const;

 private:
  struct Reader;
  std::string path_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace physgen
