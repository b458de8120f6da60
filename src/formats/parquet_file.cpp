#include "formats/parquet_file.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>

#include <algorithm>
#include <map>

#include <physgen/core/error.h>

#include "core/foreign_file.h"

namespace physgen {
namespace {

using Array = std::shared_ptr<arrow::Array>;

constexpr int64_t kMostRows = int64_t{1} << 40;  // of a row group

[[noreturn]] void fail(const std::string& path, const std::string& column, const std::string& got,
                       const std::string& expected) {
  throw FormatError({"a Parquet file is not as it should be", column.empty() ? path : path + ", column " + column, got,
                     expected, "download or convert this data set again"});
}

void check(const arrow::Status& status, const std::string& path, const std::string& column = "") {
  if (!status.ok()) fail(path, column, status.message(), "a whole Parquet file");
}

template <class T>
T value_of(arrow::Result<T> result, const std::string& path, const std::string& column = "") {
  check(result.status(), path, column);
  return std::move(result).ValueUnsafe();
}

template <class Typed, class Number>
void append(const arrow::Array& array, std::vector<Number>& numbers) {
  const auto& typed = static_cast<const Typed&>(array);
  for (int64_t i = 0; i < typed.length(); ++i) numbers.push_back(static_cast<Number>(typed.Value(i)));
}

/// All numbers of an array; false where it holds something else.
template <class Number>
bool numbers_of(const arrow::Array& array, std::vector<Number>& numbers) {
  switch (array.type_id()) {
    case arrow::Type::FLOAT:
      append<arrow::FloatArray>(array, numbers);
      return true;
    case arrow::Type::DOUBLE:
      append<arrow::DoubleArray>(array, numbers);
      return true;
    case arrow::Type::INT64:
      append<arrow::Int64Array>(array, numbers);
      return true;
    case arrow::Type::INT32:
      append<arrow::Int32Array>(array, numbers);
      return true;
    default:
      return false;
  }
}

/// The texts of a string or binary array of either width; false where it holds something else.
bool texts_of(const arrow::Array& array, std::vector<std::string>& texts) {
  const auto add = [&](const auto& typed) {
    for (int64_t i = 0; i < typed.length(); ++i) texts.emplace_back(typed.GetView(i));
    return true;
  };
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return add(static_cast<const arrow::BinaryArray&>(array));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return add(static_cast<const arrow::LargeBinaryArray&>(array));
    default:
      return false;
  }
}

/// The values of a list array one after the other, and how many each row has.
struct Lists {
  Array values;
  std::vector<int64_t> lengths;
};

template <class Typed>
Lists split(const arrow::Array& array, const std::string& path, const std::string& column) {
  const auto& typed = static_cast<const Typed&>(array);
  Lists lists{value_of(typed.Flatten(), path, column), {}};
  for (int64_t i = 0; i < typed.length(); ++i) lists.lengths.push_back(typed.value_length(i));
  return lists;
}

Lists lists_of(const Array& array, const std::string& path, const std::string& column) {
  switch (array->type_id()) {
    case arrow::Type::LIST:
      return split<arrow::ListArray>(*array, path, column);
    case arrow::Type::LARGE_LIST:
      return split<arrow::LargeListArray>(*array, path, column);
    case arrow::Type::FIXED_SIZE_LIST:
      return split<arrow::FixedSizeListArray>(*array, path, column);
    default:
      return {array, std::vector<int64_t>(static_cast<size_t>(array->length()), 1)};
  }
}

void check_filled(const arrow::Array& array, const std::string& path, const std::string& column) {
  if (array.null_count() > 0) fail(path, column, std::to_string(array.null_count()) + " empty places", "none");
}

}  // namespace

struct ParquetFile::Reader {
  /// The rows of a column that were read last: episodes that share a row group read it once.
  struct Kept {
    std::vector<int> groups;
    std::shared_ptr<arrow::ChunkedArray> rows;
  };

  std::unique_ptr<parquet::arrow::FileReader> file;
  std::map<std::string, Kept> kept;  // by column

  const parquet::FileMetaData& metadata() const { return *file->parquet_reader()->metadata(); }
  std::vector<int> leaves(const std::string& column) const;
  Array read(const std::string& path, const std::string& column, int64_t first, int64_t rows);
};

/// The places in the schema of all that a column at its top consists of.
std::vector<int> ParquetFile::Reader::leaves(const std::string& column) const {
  std::vector<int> found;
  const parquet::SchemaDescriptor& schema = *metadata().schema();
  for (int i = 0; i < schema.num_columns(); ++i) {
    if (schema.Column(i)->path()->ToDotVector()[0] == column) found.push_back(i);
  }
  return found;
}

/// The row groups that hold some rows.
struct RowGroups {
  std::vector<int> groups;
  int64_t before = 0;  // rows of the file before them
  int64_t rows = 0;    // of theirs
};

/// Throws FormatError where the file has fewer rows, and for row groups of an impossible length.
RowGroups groups_of(const parquet::FileMetaData& file, int64_t first, int64_t rows, const std::string& path) {
  RowGroups found;
  int64_t begin = 0;
  for (int group = 0; group < file.num_row_groups(); ++group) {
    const int64_t length = file.RowGroup(group)->num_rows();
    if (length < 0 || length > kMostRows) fail(path, "", "a row group of " + std::to_string(length) + " rows", "fewer");
    const bool wanted = begin + length > first && begin - first < rows;
    if (begin + length <= first) found.before = begin + length;
    if (wanted) found.groups.push_back(group);
    if (wanted) found.rows += length;
    begin += length;
  }
  if (first >= 0 && rows >= 0 && first <= begin && rows <= begin - first) return found;
  fail(path, "", std::to_string(begin) + " rows", std::to_string(rows) + " from row " + std::to_string(first));
}

/// Some rows of a column, as one array. Only the row groups that hold them are read.
Array ParquetFile::Reader::read(const std::string& path, const std::string& column, int64_t first, int64_t rows) {
  const std::vector<int> columns = leaves(column);
  if (columns.empty()) fail(path, column, "no such column", "a column of this name");
  const RowGroups groups = groups_of(metadata(), first, rows, path);
  Kept& last = kept[column];
  if (!last.rows || last.groups != groups.groups) {
    last.rows.reset();
    const auto table = value_of(file->ReadRowGroups(groups.groups, columns), path, column);
    check(table->ValidateFull(), path, column);
    if (table->num_rows() != groups.rows) {
      fail(path, column, std::to_string(table->num_rows()) + " rows", std::to_string(groups.rows) + ", as it says");
    }
    last = {groups.groups, table->column(0)};
  }
  if (rows == 0) return value_of(arrow::MakeEmptyArray(last.rows->type()), path, column);
  const auto part = last.rows->Slice(first - groups.before, rows);
  return part->num_chunks() == 1 ? part->chunk(0) : value_of(arrow::Concatenate(part->chunks()), path, column);
}

ParquetFile::ParquetFile(const std::string& path) : path_(path), reader_(std::make_unique<Reader>()) {
  refuse_foreign_file(path);
  const auto file = value_of(arrow::io::ReadableFile::Open(path), path);
  reader_->file = value_of(parquet::arrow::OpenFile(file, arrow::default_memory_pool()), path);
}

ParquetFile::~ParquetFile() = default;
ParquetFile::ParquetFile(ParquetFile&&) noexcept = default;
ParquetFile& ParquetFile::operator=(ParquetFile&&) noexcept = default;

int64_t ParquetFile::rows() const { return reader_->metadata().num_rows(); }

bool ParquetFile::has(const std::string& column) const { return !reader_->leaves(column).empty(); }

std::vector<int64_t> ParquetFile::read_integers(const std::string& column) const {
  const Array array = reader_->read(path_, column, 0, rows());
  check_filled(*array, path_, column);
  std::vector<int64_t> numbers;
  const bool whole = array->type_id() == arrow::Type::INT64 || array->type_id() == arrow::Type::INT32;
  if (!whole || !numbers_of(*array, numbers)) fail(path_, column, array->type()->ToString(), "int64");
  return numbers;
}

std::vector<double> ParquetFile::read_numbers(const std::string& column) const {
  const Array array = reader_->read(path_, column, 0, rows());
  check_filled(*array, path_, column);
  std::vector<double> numbers;
  if (!numbers_of(*array, numbers)) fail(path_, column, array->type()->ToString(), "numbers");
  return numbers;
}

std::vector<std::vector<std::string>> ParquetFile::read_text_lists(const std::string& column) const {
  const Array array = reader_->read(path_, column, 0, rows());
  check_filled(*array, path_, column);
  const Lists lists = lists_of(array, path_, column);
  check_filled(*lists.values, path_, column);
  std::vector<std::string> texts;
  if (!texts_of(*lists.values, texts)) fail(path_, column, array->type()->ToString(), "lists of strings");
  std::vector<std::vector<std::string>> rows;
  auto next = texts.begin();
  for (const int64_t length : lists.lengths) {
    rows.emplace_back(next, next + length);
    next += length;
  }
  return rows;
}

Matrix ParquetFile::read_matrix(const std::string& column, int64_t first, int64_t rows) const {
  const Array array = reader_->read(path_, column, first, rows);
  check_filled(*array, path_, column);
  const Lists lists = lists_of(array, path_, column);
  check_filled(*lists.values, path_, column);
  const int64_t width = lists.lengths.empty() ? 0 : lists.lengths[0];
  for (const int64_t length : lists.lengths) {
    if (length != width) fail(path_, column, "rows of " + std::to_string(length), "all of " + std::to_string(width));
  }
  std::vector<float> numbers;
  if (!numbers_of(*lists.values, numbers)) fail(path_, column, array->type()->ToString(), "lists of numbers");
  return Eigen::Map<const Matrix>(numbers.data(), rows, width);
}

std::vector<std::string> ParquetFile::read_pictures(const std::string& column, int64_t first, int64_t rows) const {
  const Array array = reader_->read(path_, column, first, rows);
  check_filled(*array, path_, column);
  const auto* both = array->type_id() == arrow::Type::STRUCT ? static_cast<arrow::StructArray*>(array.get()) : nullptr;
  const Array bytes = both ? both->GetFieldByName("bytes") : nullptr;
  std::vector<std::string> pictures;
  if (!bytes || !texts_of(*bytes, pictures)) {
    fail(path_, column, array->type()->ToString(), "a struct of bytes and path");
  }
  check_filled(*bytes, path_, column);
  return pictures;
}

}  // namespace physgen
