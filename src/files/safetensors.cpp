#include "files/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "core/foreign_file.h"
#include "files/atomic_file.h"
#include "files/mapped_file.h"
#include "files/safetensors_header.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian and its bytes are used in place");

constexpr uint64_t kLengthBytes = 8;  // the header's length comes first
constexpr uint64_t kLongestHeader = 100'000'000;
constexpr size_t kAlignment = 8;

uint64_t header_length(std::span<const std::byte> bytes, const fs::path& path) {
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  const uint64_t most = std::min<uint64_t>(kLongestHeader, bytes.size() - kLengthBytes);
  if (length <= most) return length;
  throw FormatError({.what = "a safetensors file is damaged or not one",
                     .where = path.string(),
                     .got = "a header of " + std::to_string(length) + " bytes",
                     .expected = "at most " + std::to_string(most)});
}

void check_entry(const TensorEntry& entry, const fs::path& path) {
  const std::string where = path.string() + ": " + entry.name;
  if (!is_tensor_name(entry.name)) {
    throw Error({.what = "a tensor cannot be saved under this name",
                 .where = where,
                 .expected = "text without control characters, not empty and not __metadata__"});
  }
  const uint64_t size = byte_size(entry.type, entry.shape, where);
  if (size == entry.data.size()) return;
  throw Error({.what = "a tensor's bytes do not fit its shape",
               .where = where,
               .got = std::to_string(entry.data.size()) + " bytes",
               .expected = std::to_string(size)});
}

/// Widest type first, so that each tensor is aligned to its type; then by name, so that equal tensors give equal files.
std::vector<const TensorEntry*> order_of(std::span<const TensorEntry> entries, const fs::path& path) {
  std::vector<const TensorEntry*> order;
  std::set<std::string_view> names;
  for (const TensorEntry& entry : entries) {
    check_entry(entry, path);
    if (!names.insert(entry.name).second) {
      throw Error({.what = "two tensors have one name", .where = path.string() + ": " + entry.name});
    }
    order.push_back(&entry);
  }
  const auto key = [](const TensorEntry* entry) {
    return std::tuple<size_t, DataType, std::string_view>(kAlignment - size_of(entry->type), entry->type, entry->name);
  };
  std::sort(order.begin(), order.end(), [&](auto* a, auto* b) { return key(a) < key(b); });
  return order;
}

std::string header_text(const std::vector<const TensorEntry*>& order,
                        const std::map<std::string, std::string>& metadata) {
  std::vector<std::string> fields;
  if (!metadata.empty()) fields.push_back("\"__metadata__\":" + json(metadata).dump());
  size_t offset = 0;
  for (const TensorEntry* entry : order) {
    ordered_json field = {{"dtype", text_of(entry->type)}, {"shape", entry->shape}};
    field["data_offsets"] = {offset, offset + entry->data.size()};
    fields.push_back(json(entry->name).dump() + ":" + field.dump());
    offset += entry->data.size();
  }
  std::string text = "{";
  for (const std::string& field : fields) text += (text.size() > 1 ? "," : "") + field;
  text += '}';
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return text;
}

std::string checked_header_text(const std::vector<const TensorEntry*>& order,
                                const std::map<std::string, std::string>& metadata, const fs::path& path) {
  std::string text;
  try {
    text = header_text(order, metadata);
  } catch (const json::exception& error) {
    throw Error({.what = "a tensor's name or the metadata is not UTF-8", .where = path.string(), .got = error.what()});
  }
  if (text.size() <= kLongestHeader) return text;
  throw Error({.what = "a safetensors header would be too long",
               .where = path.string(),
               .got = std::to_string(text.size()) + " bytes",
               .expected = "at most " + std::to_string(kLongestHeader)});
}

}  // namespace

size_t size_of(DataType type) {
  switch (type) {
    case DataType::f64:
    case DataType::i64:
      return 8;
    case DataType::f32:
    case DataType::i32:
      return 4;
    case DataType::f16:
    case DataType::bf16:
    case DataType::i16:
      return 2;
    case DataType::i8:
    case DataType::u8:
    case DataType::boolean:
      return 1;
  }
  throw Error({.what = "a DataType is none of its values"});
}

SafetensorsFile SafetensorsFile::open(const fs::path& path) {
  SafetensorsFile file;
  file.path_ = path;
  refuse_foreign_file(path);
  MappedFile mapped = map_file(path, "safetensors file", kLengthBytes);
  const std::span<const std::byte> bytes = mapped.bytes;
  file.mapping_ = std::move(mapped.keep_alive);
  const uint64_t length = header_length(bytes, path);
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + length);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  SafetensorsHeader header = parse_safetensors_header(text, data.size(), path.string());
  file.metadata_ = std::move(header.metadata);
  for (TensorPlace& tensor : header.tensors) {
    file.index_[tensor.name] = file.entries_.size();
    const auto place = data.subspan(tensor.begin, tensor.end - tensor.begin);
    file.entries_.push_back({std::move(tensor.name), tensor.type, std::move(tensor.shape), place});
  }
  return file;
}

const TensorEntry* SafetensorsFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

void write_safetensors(const fs::path& path, std::span<const TensorEntry> entries,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<const TensorEntry*> order = order_of(entries, path);
  const std::string header = checked_header_text(order, metadata, path);
  const uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const TensorEntry* entry : order) file.write(entry->data);
  file.commit();
}

}  // namespace physgen
