#include "formats/hdf5_dataset.h"

#include <algorithm>
#include <cstring>

#include <physgen/core/error.h>

namespace physgen {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 40;
constexpr int64_t kMostDeflateRatio = 1032;  // of zlib, by its own documentation

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string class_name(H5T_class_t type) {
  switch (type) {
    case H5T_INTEGER:
      return "integers";
    case H5T_FLOAT:
      return "floating point numbers";
    case H5T_STRING:
      return "strings";
    case H5T_COMPOUND:
      return "a compound type";
    case H5T_ENUM:
      return "an enumeration";
    default:
      return "another type";
  }
}

bool is_any_of(hid_t type, std::initializer_list<hid_t> types) {
  return std::any_of(types.begin(), types.end(), [&](hid_t other) { return H5Tequal(type, other) > 0; });
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

Hdf5Dataset::Hdf5Dataset(Hdf5Handle handle, Hdf5Numbers numbers, int rank, std::shared_ptr<const ByteFile> bytes,
                         std::string where)
    : handle_(std::move(handle)), bytes_(std::move(bytes)), where_(std::move(where)) {
  check_type(numbers);
  read_shape(rank);
  check_storage();
  const Hdf5Handle properties(H5Dget_create_plist(handle_.get()), H5Pclose);
  if (H5Pget_layout(properties.get()) == H5D_CHUNKED) {
    chunks_.emplace(handle_.get(), shape_, element_size_, bytes_, where_);
  }
}

void Hdf5Dataset::check_type(Hdf5Numbers numbers) {
  const Hdf5Handle type(H5Dget_type(handle_.get()), H5Tclose);
  element_size_ = static_cast<int64_t>(H5Tget_size(type.get()));
  const bool floating = numbers == Hdf5Numbers::floating;
  if (floating ? is_any_of(type.get(), {H5T_IEEE_F32LE, H5T_IEEE_F64LE}) : is_any_of(type.get(), {H5T_STD_U8LE})) {
    return;
  }
  const std::string size = " of " + std::to_string(element_size_) + " bytes";
  throw FormatError({"a dataset holds another type of values", where_, class_name(H5Tget_class(type.get())) + size,
                     floating ? "float32 or float64" : "unsigned integers of 1 byte (uint8)",
                     "write it again with the expected type"});
}

void Hdf5Dataset::read_shape(int rank) {
  const Hdf5Handle space(H5Dget_space(handle_.get()), H5Sclose);
  const int found = H5Sget_simple_extent_ndims(space.get());
  if (found != rank) {
    throw FormatError({"a dataset has another rank", where_, std::to_string(std::max(found, 0)) + " dimensions",
                       std::to_string(rank) + " dimensions", "write it again in ManiSkill's layout"});
  }
  std::vector<hsize_t> sides(static_cast<size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), sides.data(), nullptr);
  shape_.assign(sides.begin(), sides.end());
}

/// A header of 200 bytes can claim a terabyte. What can really be there is known from the file's size.
void Hdf5Dataset::check_storage() const {
  const int64_t bytes = bytes_of(shape_, element_size_, where_);
  const Hdf5Handle properties(H5Dget_create_plist(handle_.get()), H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(properties.get());
  if (H5Pget_external_count(properties.get()) > 0 || (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)) {
    throw FormatError({"a dataset's values lie in another file or in its header", where_,
                       "external, virtual or compact storage", "contiguous or chunked storage",
                       "write it again in the usual way"});
  }
  const auto stored = static_cast<int64_t>(std::min<hsize_t>(H5Dget_storage_size(handle_.get()), bytes_->size()));
  const int64_t ratio = H5Pget_nfilters(properties.get()) > 0 ? kMostDeflateRatio : 1;
  if (bytes / ratio <= stored && (stored > 0 || bytes == 0)) return;
  throw FormatError({"a dataset claims more values than the file holds", where_,
                     "shape " + shape_text(shape_) + " in " + std::to_string(stored) + " stored bytes",
                     std::to_string(bytes) + " bytes, or their compressed form",
                     "the file is damaged or was not written to its end: make it or download it again"});
}

std::vector<uint8_t> Hdf5Dataset::read_row(int64_t index) { return read_rows(index, 1); }

std::vector<uint8_t> Hdf5Dataset::read_rows(int64_t first, int64_t count) {
  const Hdf5Lock lock;
  if (!chunks_) return read_plain(first, count);
  const int64_t row_bytes = bytes_of({shape_.begin() + 1, shape_.end()}, element_size_, where_);
  std::vector<uint8_t> bytes;
  for (int64_t index = first; index < first + count; ++index) {
    const uint8_t* row = chunks_->row(handle_.get(), index);
    bytes.insert(bytes.end(), row, row + row_bytes);
  }
  return bytes;
}

std::vector<uint8_t> Hdf5Dataset::read_plain(int64_t first, int64_t count) const {
  const int64_t row_bytes = bytes_of({shape_.begin() + 1, shape_.end()}, element_size_, where_);
  const haddr_t address = H5Dget_offset(handle_.get());
  std::vector<uint8_t> bytes(static_cast<size_t>(count * row_bytes));
  const uint64_t skipped = static_cast<uint64_t>(first * row_bytes);
  if (address > static_cast<haddr_t>(bytes_->size()) || !bytes_->read(address + skipped, bytes.size(), bytes.data())) {
    throw FormatError({"a dataset cannot be read", where_ + "[" + std::to_string(first) + "]",
                       "values outside the file", std::to_string(bytes.size()) + " bytes",
                       "the file is damaged: make it or download it again"});
  }
  return bytes;
}

Matrix Hdf5Dataset::read_matrix() {
  Matrix values(shape_[0], shape_[1]);
  const std::vector<uint8_t> bytes = read_rows(0, shape_[0]);
  if (element_size_ == sizeof(float)) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  std::vector<double> numbers(bytes.size() / sizeof(double));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  std::transform(numbers.begin(), numbers.end(), values.data(), [](double x) { return static_cast<float>(x); });
  return values;
}

}  // namespace physgen
