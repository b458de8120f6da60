#include "formats/hdf5_chunks.h"

#include <zlib.h>

#include <algorithm>

#include <physgen/core/error.h>

#include "formats/hdf5_handle.h"

namespace physgen {
namespace {

constexpr int64_t kMostSlabBytes = int64_t{1} << 30;

/// The next place on a grid of chunks, the last dimension running fastest; false after the last.
bool advance(std::vector<hsize_t>& offset, const std::vector<int64_t>& sides, const std::vector<int64_t>& shape) {
  for (size_t d = shape.size() - 1; d > 0; --d) {
    offset[d] += static_cast<hsize_t>(sides[d]);
    if (offset[d] < static_cast<hsize_t>(shape[d])) return true;
    offset[d] = 0;
  }
  return false;
}

/// The product, or kMostSlabBytes + 1 where it is larger.
int64_t bounded_product(const std::vector<int64_t>& sides, int64_t product) {
  for (const int64_t side : sides) {
    if (side < 1 || product > kMostSlabBytes / side) return kMostSlabBytes + 1;
    product *= side;
  }
  return product;
}

}  // namespace

Hdf5Chunks::Hdf5Chunks(hid_t dataset, const std::vector<int64_t>& shape, int64_t element_size,
                       std::shared_ptr<const ByteFile> bytes, std::string where)
    : shape_(shape), element_size_(element_size), bytes_(std::move(bytes)), where_(std::move(where)), place_(where_) {
  const Hdf5Handle properties(H5Dget_create_plist(dataset), H5Pclose);
  std::vector<hsize_t> sides(shape.size());
  if (H5Pget_chunk(properties.get(), static_cast<int>(sides.size()), sides.data()) < 0) {
    fail(hdf5_words(), "its chunk sizes");
  }
  sides_.assign(sides.begin(), sides.end());
  chunk_bytes_ = bounded_product(sides_, element_size);
  row_bytes_ = bounded_product({shape.begin() + 1, shape.end()}, element_size);
  if (chunk_bytes_ > kMostSlabBytes || bounded_product({sides_[0], row_bytes_}, 1) > kMostSlabBytes) {
    fail("chunks of more than 1 GiB, or of nothing", "chunks of a few frames, or of one");
  }
  read_filters(properties.get());
}

void Hdf5Chunks::read_filters(hid_t properties) {
  const int count = H5Pget_nfilters(properties);
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0;
    size_t values = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE) {
      fail("filter " + std::to_string(filter), "gzip, with or without shuffle, or no compression");
    }
    filters_.push_back(filter);
  }
}

const uint8_t* Hdf5Chunks::row(hid_t dataset, int64_t index) {
  const int64_t first = index - index % sides_[0];
  if (first != slab_first_) read_slab(dataset, first);
  return slab_.data() + (index - first) * row_bytes_;
}

void Hdf5Chunks::read_slab(hid_t dataset, int64_t first) {
  slab_first_ = -1;
  place_ = where_ + "[" + std::to_string(first) + "]";
  slab_.assign(static_cast<size_t>(std::min(sides_[0], shape_[0] - first) * row_bytes_), 0);
  std::vector<hsize_t> offset(shape_.size(), 0);
  offset[0] = static_cast<hsize_t>(first);
  do {
    paste(read_chunk(dataset, offset), offset);
  } while (advance(offset, sides_, shape_));
  slab_first_ = first;
}

std::vector<uint8_t> Hdf5Chunks::read_chunk(hid_t dataset, const std::vector<hsize_t>& offset) const {
  unsigned skipped = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t stored = 0;
  if (H5Dget_chunk_info_by_coord(dataset, offset.data(), &skipped, &address, &stored) < 0) {
    fail(hdf5_words(), "the place of a chunk");
  }
  if (stored == 0 || !bytes_->holds(address, stored)) {
    fail(stored == 0 ? "a chunk that was never written" : "a chunk outside the file", "every chunk in the file");
  }
  std::vector<uint8_t> bytes(stored);
  if (!bytes_->read(address, stored, bytes.data())) fail("a disk failure", std::to_string(stored) + " bytes");
  return decode(std::move(bytes), skipped);
}

/// Undoes the filters in reverse; bit i of `skipped` says that filter i was not applied to this chunk.
std::vector<uint8_t> Hdf5Chunks::decode(std::vector<uint8_t> bytes, uint32_t skipped) const {
  for (size_t i = filters_.size(); i-- > 0;) {
    if (i < 32 && skipped >> i & 1) continue;
    bytes = filters_[i] == H5Z_FILTER_DEFLATE ? inflate(bytes) : unshuffle(bytes);
  }
  if (static_cast<int64_t>(bytes.size()) != chunk_bytes_) {
    fail("a chunk of " + std::to_string(bytes.size()) + " bytes", std::to_string(chunk_bytes_) + " bytes");
  }
  return bytes;
}

std::vector<uint8_t> Hdf5Chunks::inflate(const std::vector<uint8_t>& bytes) const {
  std::vector<uint8_t> result(static_cast<size_t>(chunk_bytes_));
  uLongf size = result.size();
  const int code = uncompress(result.data(), &size, bytes.data(), bytes.size());
  if (code != Z_OK) fail("a chunk that does not decompress", std::to_string(chunk_bytes_) + " bytes");
  result.resize(size);
  return result;
}

std::vector<uint8_t> Hdf5Chunks::unshuffle(const std::vector<uint8_t>& bytes) const {
  const auto width = static_cast<size_t>(element_size_);
  const size_t count = bytes.size() / width;
  std::vector<uint8_t> result(bytes);
  for (size_t i = 0; i < count; ++i) {
    for (size_t b = 0; b < width; ++b) result[i * width + b] = bytes[b * count + i];
  }
  return result;
}

/// Copies what of a chunk lies inside the dataset into the slab, one run of the last dimension at a time.
void Hdf5Chunks::paste(const std::vector<uint8_t>& chunk, const std::vector<hsize_t>& offset) {
  const size_t last = shape_.size() - 1;
  if (std::equal(sides_.begin() + 1, sides_.end(), shape_.begin() + 1)) {  // a chunk of whole rows, the usual case
    std::copy_n(chunk.data(), slab_.size(), slab_.data());
    return;
  }
  std::vector<int64_t> inside;
  for (size_t d = 0; d <= last; ++d) inside.push_back(std::min(sides_[d], shape_[d] - static_cast<int64_t>(offset[d])));
  const auto next_run = [&](std::vector<int64_t>& at) {
    for (size_t d = last; d-- > 0;) {
      if (++at[d] < inside[d]) return true;
      at[d] = 0;
    }
    return false;
  };
  std::vector<int64_t> at(last + 1, 0);
  do {
    int64_t from = at[0];
    int64_t to = at[0];
    for (size_t d = 1; d <= last; ++d) {
      from = from * sides_[d] + at[d];
      to = to * shape_[d] + static_cast<int64_t>(offset[d]) + at[d];
    }
    std::copy_n(chunk.data() + from * element_size_, inside[last] * element_size_, slab_.data() + to * element_size_);
  } while (next_run(at));
}

void Hdf5Chunks::fail(const std::string& got, const std::string& expected) const {
  throw FormatError({"a dataset cannot be read", place_, got, expected,
                     "the file is damaged or packed in an unusual way: make it or download it again"});
}

}  // namespace physgen
