#include "files/archived_tensors.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "core/quote.h"
#include "files/pickle_error.h"
#include "files/pickle_reader.h"
#include "files/zip_archive.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

using Entries = std::map<std::string_view, std::span<const std::byte>>;  // by name without the root

[[noreturn]] void refuse(const std::string& where, const std::string& got, const std::string& expected,
                         const std::string& next_step = "") {
  throw FormatError({.what = "a PyTorch archive is damaged or holds no state dict",
                     .where = where,
                     .got = got,
                     .expected = expected,
                     .next_step = next_step});
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Hidden entries hold notes of the writer: the version of the layout, the alignment, an id.
bool is_known(std::string_view name) {
  return name == "data.pkl" || name == "byteorder" || name == "version" || name.starts_with("data/") ||
         name.starts_with('.');
}

/// Every entry lies in one folder, which torch.save names after the file.
Entries entries_in_root(const std::vector<ZipEntry>& zip, const std::string& source) {
  Entries entries;
  std::string_view root;
  for (const ZipEntry& entry : zip) {
    const std::string_view folder = entry.name.substr(0, entry.name.find('/') + 1);
    if (root.empty()) root = folder;
    const std::string_view name = entry.name.substr(folder.size());
    if (folder.empty() || folder != root || !is_known(name)) {
      refuse(source, "the entry " + quote(entry.name), "data.pkl, data/*, byteorder and version in one folder",
             kSaveStateDict);
    }
    entries[name] = entry.data;
  }
  return entries;
}

/// PyTorch reads versions 1 to 10; before 2.1 it did not note the byte order.
void check_notes(const Entries& entries, const std::string& source) {
  const auto order = entries.find("byteorder");
  if (order != entries.end() && text_of(order->second) != "little") {
    refuse(source, "the byte order " + quote(text_of(order->second)), "little", "save it on a little-endian machine");
  }
  const auto version = entries.find("version");
  if (version == entries.end()) refuse(source, "no entry version", "one");
  std::string_view text = text_of(version->second);
  if (text.ends_with('\n')) text.remove_suffix(1);
  const bool known = (text.size() == 1 && text[0] >= '1' && text[0] <= '9') || text == "10";
  if (!known) refuse(source, "the version " + quote(text), "1 to 10");
}

int64_t multiply(int64_t a, int64_t b, const std::string& where) {
  int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  refuse(where, "a dimension of " + std::to_string(b), "at most 2^63 - 1 bytes in all");
}

std::span<const std::byte> storage_data(const PickledStorage& storage, const Entries& entries,
                                        const std::string& where) {
  const auto found = entries.find("data/" + std::string(storage.key));
  if (found == entries.end()) refuse(where, "no entry data/ of the key " + quote(storage.key), "its numbers");
  const int64_t size = multiply(static_cast<int64_t>(size_of(storage.type)), storage.size, where);
  if (static_cast<uint64_t>(size) == found->second.size()) return found->second;
  refuse(where, std::to_string(found->second.size()) + " bytes in the entry data/" + std::string(storage.key),
         std::to_string(size) + ", as the pickle claims");
}

/// The stride of a dimension of 1 is never taken, and an empty tensor takes none.
void check_row_major(const PickledTensor& tensor, int64_t count, const std::string& where) {
  int64_t stride = 1;
  for (size_t i = tensor.shape.size(); count > 0 && i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != stride) {
      refuse(where, "a stride of " + std::to_string(tensor.strides[i]) + " in dimension " + std::to_string(i),
             std::to_string(stride) + ", row-major and contiguous", "save it as tensor.contiguous()");
    }
    stride *= tensor.shape[i];  // at most `count`
  }
}

TensorEntry to_entry(PickledTensor tensor, const Entries& entries, const std::string& source) {
  const std::string where = source + ": " + std::string(tensor.name);
  const int64_t width = static_cast<int64_t>(size_of(tensor.storage.type));
  const std::span<const std::byte> data = storage_data(tensor.storage, entries, where);
  int64_t bytes = width;
  for (const int64_t dimension : tensor.shape) bytes = multiply(bytes, dimension, where);
  const int64_t count = bytes / width, size = tensor.storage.size;
  check_row_major(tensor, count, where);
  if (tensor.offset < 0 || tensor.offset > size || count > size - tensor.offset) {
    refuse(where, std::to_string(count) + " numbers from " + std::to_string(tensor.offset) + " on",
           "a place in a storage of " + std::to_string(size));
  }
  return {.name = std::string(tensor.name),
          .type = tensor.storage.type,
          .shape = std::move(tensor.shape),
          .data = data.subspan(static_cast<size_t>(tensor.offset * width), static_cast<size_t>(bytes))};
}

}  // namespace

ArchivedTensors read_archived_tensors(std::span<const std::byte> bytes, const std::string& source) {
  const Entries entries = entries_in_root(read_zip_archive(bytes, source), source);
  check_notes(entries, source);
  const auto pickle = entries.find("data.pkl");
  if (pickle == entries.end()) refuse(source, "no entry data.pkl", "one", kSaveStateDict);
  PickledStateDict state_dict = read_state_dict_pickle(pickle->second, source + ": data.pkl");
  ArchivedTensors found = {.note = std::move(state_dict.note)};
  for (PickledTensor& tensor : state_dict.tensors)
    found.tensors.push_back(to_entry(std::move(tensor), entries, source));
  return found;
}

}  // namespace physgen
