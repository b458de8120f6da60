#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <physgen/core/matrix.h>

namespace physgen {

/// Columns of equal length, to be written.
class ParquetTable {
 public:
  ParquetTable();
  ~ParquetTable();
  ParquetTable(ParquetTable&&) noexcept;

  void add_integers(const std::string& column, const std::vector<int64_t>& values);
  /// float32
  void add_numbers(const std::string& column, const std::vector<float>& values);
  /// float64
  void add_doubles(const std::string& column, const std::vector<double>& values);
  void add_texts(const std::string& column, const std::vector<std::string>& values);
  void add_text_lists(const std::string& column, const std::vector<std::vector<std::string>>& rows);
  void add_integer_lists(const std::string& column, const std::vector<std::vector<int64_t>>& rows);
  /// float64, nested `depth` times: 1 gives [a, b, c] a row, 3 gives [[[a]], [[b]], [[c]]].
  void add_number_lists(const std::string& column, const std::vector<std::vector<double>>& rows, int depth);
  /// float32, lists of a fixed length; of one column plain numbers, as LeRobot has it.
  void add_matrix(const std::string& column, const Matrix& rows);
  /// Structs {bytes, path}, the path empty.
  void add_pictures(const std::string& column, const std::vector<std::vector<uint8_t>>& files);

 private:
  friend class ParquetWriter;
  struct Columns;
  std::unique_ptr<Columns> columns_;
};

/// Writes a Parquet file, a row group a table; all tables have the same columns. All functions throw Error where the
/// file cannot be written.
class ParquetWriter {
 public:
  /// @param pandas_index  the column that Pandas shall take as the index; "" for none
  explicit ParquetWriter(const std::string& path, const std::string& pandas_index = "");
  ~ParquetWriter();

  void append(const ParquetTable& table);
  void close();

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace physgen
