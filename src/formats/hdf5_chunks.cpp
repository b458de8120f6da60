#include "formats/hdf5_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include <physgen/core/error.h>

#include "core/quote.h"
#include "formats/hdf5_file.h"

namespace physgen {
namespace {

constexpr int64_t kMostSlabBytes = int64_t{1} << 30;
constexpr int kDeflate = 1, kShuffle = 2, kFletcher32 = 3;  // as HDF5 numbers its filters
constexpr size_t kChecksumBytes = 4;

/// The next place on a grid of chunks, the last dimension running fastest; false after the last.
bool advance(std::vector<int64_t>& offset, const std::vector<int64_t>& sides, const std::vector<int64_t>& shape) {
  for (size_t d = shape.size() - 1; d > 0; --d) {
    offset[d] += sides[d];
    if (offset[d] < shape[d]) return true;
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

/// The checksum of H5_checksum_fletcher32: sums of 16-bit numbers, high byte first, modulo 2^16 - 1.
uint32_t fletcher32(const std::vector<uint8_t>& bytes) {
  const auto fold = [](uint64_t sum) {
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
  };
  uint64_t sum = 0, sum_of_sums = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const uint64_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0;
    sum = fold(sum + (uint64_t{bytes[i]} << 8 | low));
    sum_of_sums = fold(sum_of_sums + sum);
  }
  return static_cast<uint32_t>(sum_of_sums << 16 | sum);
}

}  // namespace

Hdf5Chunks::Hdf5Chunks(std::shared_ptr<const Hdf5File> file, std::string object, const Hdf5Header& header,
                       std::string where)
    : file_(std::move(file)),
      object_(std::move(object)),
      shape_(header.shape),
      sides_(header.chunk),
      filters_(header.filters),
      element_size_(header.element_size),
      where_(std::move(where)),
      place_(where_) {
  chunk_bytes_ = bounded_product(sides_, element_size_);
  row_bytes_ = bounded_product({shape_.begin() + 1, shape_.end()}, element_size_);
  if (chunk_bytes_ > kMostSlabBytes || bounded_product({sides_[0], row_bytes_}, 1) > kMostSlabBytes) {
    fail("chunks of more than 1 GiB, or of nothing", "chunks of a few frames, or of one");
  }
  check_filters();
}

void Hdf5Chunks::check_filters() const {
  for (const auto& [id, name] : filters_) {
    if (id == kDeflate || id == kShuffle || id == kFletcher32) continue;
    throw FormatError({"a dataset is compressed by a filter that is not known here", where_,
                       "filter " + std::to_string(id) + (name.empty() ? "" : ", " + quote(name)),
                       "gzip, with or without shuffle and fletcher32, or no compression",
                       "write it again, with h5py compression=\"gzip\""});
  }
}

const uint8_t* Hdf5Chunks::row(int64_t index) {
  const int64_t first = index - index % sides_[0];
  if (first != slab_first_) read_slab(first);
  return slab_.data() + (index - first) * row_bytes_;
}

void Hdf5Chunks::read_slab(int64_t first) {
  slab_first_ = -1;
  place_ = where_ + "[" + std::to_string(first) + "]";
  slab_.assign(static_cast<size_t>(std::min(sides_[0], shape_[0] - first) * row_bytes_), 0);
  std::vector<int64_t> offset(shape_.size(), 0);
  offset[0] = first;
  do {
    paste(read_chunk(offset), offset);
  } while (advance(offset, sides_, shape_));
  slab_first_ = first;
}

std::vector<uint8_t> Hdf5Chunks::read_chunk(const std::vector<int64_t>& offset) const {
  const Hdf5Chunk chunk = file_->ask("chunk", object_, offset);
  if (chunk.stored == 0 || !file_->bytes().holds(chunk.address, chunk.stored)) {
    fail(chunk.stored == 0 ? "a chunk that was never written" : "a chunk outside the file", "every chunk in the file");
  }
  std::vector<uint8_t> bytes(chunk.stored);
  if (!file_->bytes().read(chunk.address, chunk.stored, bytes.data())) {
    fail("a disk failure", std::to_string(chunk.stored) + " bytes");
  }
  return decode(std::move(bytes), chunk.skipped);
}

/// Undoes the filters in reverse; bit i of `skipped` says that filter i was not applied to this chunk.
std::vector<uint8_t> Hdf5Chunks::decode(std::vector<uint8_t> bytes, uint32_t skipped) const {
  for (size_t i = filters_.size(); i-- > 0;) {
    if (i < 32 && skipped >> i & 1) continue;
    if (filters_[i].id == kFletcher32) bytes = without_checksum(std::move(bytes));
    if (filters_[i].id == kDeflate) bytes = inflate(bytes);
    if (filters_[i].id == kShuffle) bytes = unshuffle(bytes);
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

std::vector<uint8_t> Hdf5Chunks::without_checksum(std::vector<uint8_t> bytes) const {
  if (bytes.size() < kChecksumBytes) fail("a chunk of " + std::to_string(bytes.size()) + " bytes", "a checksum");
  uint32_t stored = 0;
  std::memcpy(&stored, bytes.data() + bytes.size() - kChecksumBytes, kChecksumBytes);
  bytes.resize(bytes.size() - kChecksumBytes);
  if (stored != fletcher32(bytes)) fail("a chunk that does not fit its checksum", "the bytes that were written");
  return bytes;
}

/// Copies what of a chunk lies inside the dataset into the slab, one run of the last dimension at a time.
void Hdf5Chunks::paste(const std::vector<uint8_t>& chunk, const std::vector<int64_t>& offset) {
  const size_t last = shape_.size() - 1;
  if (std::equal(sides_.begin() + 1, sides_.end(), shape_.begin() + 1)) {  // a chunk of whole rows, the usual case
    std::copy_n(chunk.data(), slab_.size(), slab_.data());
    return;
  }
  std::vector<int64_t> inside;
  for (size_t d = 0; d <= last; ++d) inside.push_back(std::min(sides_[d], shape_[d] - offset[d]));
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
      to = to * shape_[d] + offset[d] + at[d];
    }
    std::copy_n(chunk.data() + from * element_size_, inside[last] * element_size_, slab_.data() + to * element_size_);
  } while (next_run(at));
}

void Hdf5Chunks::fail(const std::string& got, const std::string& expected) const {
  throw FormatError({"a dataset cannot be read", place_, got, expected,
                     "the file is damaged or packed in an unusual way: make it or download it again"});
}

}  // namespace physgen
