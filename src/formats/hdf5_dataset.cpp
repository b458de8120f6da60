#include "formats/hdf5_dataset.h"

#include <algorithm>
#include <cstring>

#include <physgen/core/error.h>

#include "formats/hdf5_file.h"

namespace physgen {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 40;
constexpr int64_t kMostDeflateRatio = 1032;  // of zlib, by its own documentation

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

int64_t bytes_of(const std::vector<int64_t>& shape, int64_t element_size, const std::string& where) {
  int64_t bytes = element_size;
  for (const int64_t side : shape) {
    if (side < 0 || (side > 0 && bytes > kMostBytes / side)) {
      throw FormatError({"a dataset claims to be larger than any real one", where, "shape " + shape_text(shape),
                         "at most 1 TB", "the file is damaged: make it or download it again"});
    }
    bytes *= side;
  }
  return bytes;
}

}  // namespace

Hdf5Dataset::Hdf5Dataset(std::shared_ptr<const Hdf5File> file, const std::string& object, Hdf5Numbers numbers,
                         size_t rank, std::string where)
    : file_(std::move(file)), where_(std::move(where)), header_(file_->ask("header", object)) {
  check_type(numbers);
  check_rank(rank);
  check_storage();
  if (header_.storage == "chunked") chunks_.emplace(file_, object, header_, where_);
}

void Hdf5Dataset::check_type(Hdf5Numbers numbers) const {
  const bool floating = numbers == Hdf5Numbers::floating;
  const std::string& found = header_.numbers;
  if (floating ? found == "float32" || found == "float64" : found == "uint8") return;
  throw FormatError({"a dataset holds another type of values", where_, found,
                     floating ? "float32 or float64" : "unsigned integers of 1 byte (uint8)",
                     "write it again with the expected type"});
}

void Hdf5Dataset::check_rank(size_t rank) const {
  if (header_.shape.size() == rank) return;
  throw FormatError({"a dataset has another rank", where_,
                     std::to_string(header_.shape.size()) + " dimensions, " + shape_text(header_.shape),
                     std::to_string(rank) + " dimensions", "write it again in ManiSkill's or LIBERO's layout"});
}

/// A header of 200 bytes can claim a terabyte. What can really be there is known from the file's size.
void Hdf5Dataset::check_storage() const {
  const int64_t bytes = bytes_of(header_.shape, header_.element_size, where_);
  if (header_.storage == "elsewhere") {
    throw FormatError({"a dataset's values lie in another file or in its header", where_,
                       "external, virtual or compact storage", "contiguous or chunked storage",
                       "write it again in the usual way"});
  }
  const auto stored = std::min(header_.stored, static_cast<uint64_t>(file_->bytes().size()));
  const int64_t ratio = header_.filters.empty() ? 1 : kMostDeflateRatio;
  if (bytes / ratio <= static_cast<int64_t>(stored) && (stored > 0 || bytes == 0)) return;
  throw FormatError({"a dataset claims more values than the file holds", where_,
                     "shape " + shape_text(header_.shape) + " in " + std::to_string(stored) + " stored bytes",
                     std::to_string(bytes) + " bytes, or their compressed form",
                     "the file is damaged or was not written to its end: make it or download it again"});
}

std::vector<uint8_t> Hdf5Dataset::read_row(int64_t index) { return read_rows(index, 1); }

std::vector<uint8_t> Hdf5Dataset::read_rows(int64_t first, int64_t count) {
  if (!chunks_) return read_plain(first, count);
  const int64_t row_bytes = bytes_of({shape().begin() + 1, shape().end()}, header_.element_size, where_);
  std::vector<uint8_t> bytes;
  for (int64_t index = first; index < first + count; ++index) {
    const uint8_t* row = chunks_->row(index);
    bytes.insert(bytes.end(), row, row + row_bytes);
  }
  return bytes;
}

std::vector<uint8_t> Hdf5Dataset::read_plain(int64_t first, int64_t count) const {
  const int64_t row_bytes = bytes_of({shape().begin() + 1, shape().end()}, header_.element_size, where_);
  std::vector<uint8_t> bytes(static_cast<size_t>(count * row_bytes));
  const uint64_t skipped = static_cast<uint64_t>(first * row_bytes);
  const ByteFile& file = file_->bytes();
  if (!file.holds(header_.address, skipped) || !file.read(header_.address + skipped, bytes.size(), bytes.data())) {
    throw FormatError({"a dataset cannot be read", where_ + "[" + std::to_string(first) + "]",
                       "values outside the file", std::to_string(bytes.size()) + " bytes",
                       "the file is damaged: make it or download it again"});
  }
  return bytes;
}

Matrix Hdf5Dataset::read_matrix() {
  Matrix values(shape()[0], shape()[1]);
  const std::vector<uint8_t> bytes = read_rows(0, shape()[0]);
  if (header_.element_size == sizeof(float)) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  std::vector<double> numbers(bytes.size() / sizeof(double));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  std::transform(numbers.begin(), numbers.end(), values.data(), [](double x) { return static_cast<float>(x); });
  return values;
}

}  // namespace physgen
