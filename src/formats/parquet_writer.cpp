#include "formats/parquet_writer.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>

#include <nlohmann/json.hpp>
#include <utility>

#include <physgen/core/error.h>

namespace physgen {
namespace {

using Array = std::shared_ptr<arrow::Array>;

/// Arrow fails here for want of memory or disk alone.
void check(const arrow::Status& status, const std::string& path = "") {
  if (status.ok()) return;
  throw Error({"a Parquet file cannot be written", path, status.message(), "", "check the folder and its free space"});
}

template <class Builder, class Value>
Array build(const std::vector<Value>& values) {
  Builder builder;
  for (const Value& value : values) check(builder.Append(value));
  Array array;
  check(builder.Finish(&array));
  return array;
}

/// Rows of lists, from their values one after the other.
Array listed(const Array& values, const std::vector<int32_t>& ends) {
  const Array offsets = build<arrow::Int32Builder>(ends);
  const auto lists = arrow::ListArray::FromArrays(*offsets, *values);
  check(lists.status());
  return *lists;
}

/// The values of all rows one after the other, and where each row ends, a 0 in front.
template <class Value>
std::pair<std::vector<Value>, std::vector<int32_t>> flattened(const std::vector<std::vector<Value>>& rows) {
  std::pair<std::vector<Value>, std::vector<int32_t>> flat{{}, {0}};
  for (const std::vector<Value>& row : rows) {
    flat.first.insert(flat.first.end(), row.begin(), row.end());
    flat.second.push_back(static_cast<int32_t>(flat.first.size()));
  }
  return flat;
}

template <class Builder, class Value>
Array build_lists(const std::vector<std::vector<Value>>& rows) {
  const auto [values, ends] = flattened(rows);
  return listed(build<Builder>(values), ends);
}

/// Each value in a list of its own.
Array wrapped(const Array& values) {
  std::vector<int32_t> ends;
  for (int64_t i = 0; i <= values->length(); ++i) ends.push_back(static_cast<int32_t>(i));
  return listed(values, ends);
}

/// What Pandas looks for to find its index; the other columns it reads without being told.
std::shared_ptr<const arrow::KeyValueMetadata> pandas_metadata(const std::string& index) {
  if (index.empty()) return nullptr;
  const nlohmann::json column = {{"name", nullptr},
                                 {"field_name", index},
                                 {"pandas_type", "unicode"},
                                 {"numpy_type", "object"},
                                 {"metadata", nullptr}};
  const nlohmann::json description = {{"index_columns", nlohmann::json::array({index})},
                                      {"column_indexes", nlohmann::json::array()},
                                      {"columns", nlohmann::json::array({column})}};
  return arrow::key_value_metadata({"pandas"}, {description.dump()});
}

}  // namespace

struct ParquetTable::Columns {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  std::vector<Array> arrays;

  void add(const std::string& name, const Array& array) {
    fields.push_back(arrow::field(name, array->type()));
    arrays.push_back(array);
  }
};

ParquetTable::ParquetTable() : columns_(std::make_unique<Columns>()) {}
ParquetTable::~ParquetTable() = default;
ParquetTable::ParquetTable(ParquetTable&&) noexcept = default;

void ParquetTable::add_integers(const std::string& column, const std::vector<int64_t>& values) {
  columns_->add(column, build<arrow::Int64Builder>(values));
}

void ParquetTable::add_numbers(const std::string& column, const std::vector<float>& values) {
  columns_->add(column, build<arrow::FloatBuilder>(values));
}

void ParquetTable::add_doubles(const std::string& column, const std::vector<double>& values) {
  columns_->add(column, build<arrow::DoubleBuilder>(values));
}

void ParquetTable::add_texts(const std::string& column, const std::vector<std::string>& values) {
  columns_->add(column, build<arrow::StringBuilder>(values));
}

void ParquetTable::add_text_lists(const std::string& column, const std::vector<std::vector<std::string>>& rows) {
  columns_->add(column, build_lists<arrow::StringBuilder>(rows));
}

void ParquetTable::add_integer_lists(const std::string& column, const std::vector<std::vector<int64_t>>& rows) {
  columns_->add(column, build_lists<arrow::Int64Builder>(rows));
}

void ParquetTable::add_number_lists(const std::string& column, const std::vector<std::vector<double>>& rows,
                                    int depth) {
  const auto [values, ends] = flattened(rows);
  Array array = build<arrow::DoubleBuilder>(values);
  for (int level = 1; level < depth; ++level) array = wrapped(array);
  columns_->add(column, listed(array, ends));
}

void ParquetTable::add_matrix(const std::string& column, const Matrix& rows) {
  const std::vector<float> numbers(rows.data(), rows.data() + rows.size());
  if (rows.cols() == 1) return add_numbers(column, numbers);
  const auto lists =
      arrow::FixedSizeListArray::FromArrays(build<arrow::FloatBuilder>(numbers), static_cast<int32_t>(rows.cols()));
  check(lists.status());
  columns_->add(column, *lists);
}

void ParquetTable::add_pictures(const std::string& column, const std::vector<std::vector<uint8_t>>& files) {
  arrow::BinaryBuilder bytes;
  for (const auto& file : files) check(bytes.Append(file.data(), static_cast<int32_t>(file.size())));
  Array array;
  check(bytes.Finish(&array));
  arrow::StringBuilder paths;
  check(paths.AppendNulls(static_cast<int64_t>(files.size())));
  Array nothing;
  check(paths.Finish(&nothing));
  const auto pictures = arrow::StructArray::Make({array, nothing}, std::vector<std::string>{"bytes", "path"});
  check(pictures.status());
  columns_->add(column, *pictures);
}

struct ParquetWriter::File {
  std::string path;
  std::shared_ptr<const arrow::KeyValueMetadata> metadata;
  std::shared_ptr<arrow::io::FileOutputStream> stream;
  std::unique_ptr<parquet::arrow::FileWriter> writer;
};

ParquetWriter::ParquetWriter(const std::string& path, const std::string& pandas_index)
    : file_(new File{path, pandas_metadata(pandas_index), nullptr, nullptr}) {
  auto stream = arrow::io::FileOutputStream::Open(path);
  check(stream.status(), path);
  file_->stream = *stream;
}

ParquetWriter::~ParquetWriter() = default;

void ParquetWriter::append(const ParquetTable& table) {
  const auto schema = arrow::schema(table.columns_->fields, file_->metadata);
  const auto whole = arrow::Table::Make(schema, table.columns_->arrays);
  if (!file_->writer) {
    const auto properties = parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    auto writer = parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), file_->stream, properties,
                                                   arrow_properties);
    check(writer.status(), file_->path);
    file_->writer = std::move(*writer);
  }
  check(file_->writer->WriteTable(*whole, whole->num_rows()), file_->path);
}

void ParquetWriter::close() {
  if (file_->writer) check(file_->writer->Close(), file_->path);
  check(file_->stream->Close(), file_->path);
}

}  // namespace physgen
