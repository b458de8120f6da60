#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace physgen {

template <class Number>
std::string little_endian(Number number) {
  return {reinterpret_cast<const char*>(&number), sizeof(Number)};
}

/// An entry of a zip archive, and what its records say where that is not the truth.
struct ZipPart {
  std::string name = {};
  std::string data = {};
  uint16_t flags = 0;
  uint16_t method = 0;
  std::optional<std::string> local_name = {};
  std::optional<uint32_t> checksum = {};
  std::optional<uint32_t> size = {};        ///< in both headers
  std::optional<uint32_t> local_size = {};  ///< in the local header alone
  std::optional<uint32_t> offset = {};
  std::string extra = {};        ///< of the directory
  std::string local_extra = {};  ///< of the local header
  std::string behind = {};       ///< after the data: a descriptor, or what does not belong there
};

inline std::string local_record(const ZipPart& part) {
  const std::string name = part.local_name.value_or(part.name);
  const uint32_t size = part.size.value_or(static_cast<uint32_t>(part.data.size()));
  const uint32_t local_size = part.local_size.value_or(size);
  const auto* data = reinterpret_cast<const Bytef*>(part.data.data());
  const uint32_t checksum = part.checksum.value_or(static_cast<uint32_t>(::crc32_z(0, data, part.data.size())));
  return std::string("PK\3\4\0\0", 6) + little_endian(part.flags) + little_endian(part.method) + std::string(4, '\0') +
         little_endian(checksum) + little_endian(local_size) + little_endian(local_size) +
         little_endian(static_cast<uint16_t>(name.size())) +
         little_endian(static_cast<uint16_t>(part.local_extra.size())) + name + part.local_extra + part.data +
         part.behind;
}

inline std::string directory_record(const ZipPart& part, uint32_t offset) {
  const uint32_t size = part.size.value_or(static_cast<uint32_t>(part.data.size()));
  const auto* data = reinterpret_cast<const Bytef*>(part.data.data());
  const uint32_t checksum = part.checksum.value_or(static_cast<uint32_t>(::crc32_z(0, data, part.data.size())));
  return std::string("PK\1\2\0\0\0\0", 8) + little_endian(part.flags) + little_endian(part.method) +
         std::string(4, '\0') + little_endian(checksum) + little_endian(size) + little_endian(size) +
         little_endian(static_cast<uint16_t>(part.name.size())) +
         little_endian(static_cast<uint16_t>(part.extra.size())) + std::string(10, '\0') +
         little_endian(part.offset.value_or(offset)) + part.name + part.extra;
}

inline std::string end_of_zip(uint16_t count, uint32_t size, uint32_t offset) {
  return std::string("PK\5\6\0\0\0\0", 8) + little_endian(count) + little_endian(count) + little_endian(size) +
         little_endian(offset) + std::string(2, '\0');
}

inline std::string zip_of(const std::vector<ZipPart>& parts) {
  std::string zip, directory;
  for (const ZipPart& part : parts) {
    directory += directory_record(part, static_cast<uint32_t>(zip.size()));
    zip += local_record(part);
  }
  const uint32_t begin = static_cast<uint32_t>(zip.size()), size = static_cast<uint32_t>(directory.size());
  return zip + directory + end_of_zip(static_cast<uint16_t>(parts.size()), size, begin);
}

/// The entries of torch.save for one pickle and its one storage.
inline std::vector<ZipPart> parts_of(const std::string& pickle, const std::string& storage = std::string(24, 's')) {
  return {{.name = "a/data.pkl", .data = pickle},
          {.name = "a/byteorder", .data = "little"},
          {.name = "a/data/0", .data = storage},
          {.name = "a/version", .data = "3\n"}};
}

// Pieces of pickles, without a memo.

inline std::string pickled(std::string_view text) {
  return std::string("X").append(little_endian(static_cast<uint32_t>(text.size()))).append(text);
}

inline std::string pickled(int64_t number) { return "\x8a\x08" + little_endian(number); }

inline std::string pickled(const std::vector<int64_t>& numbers) {
  std::string tuple = "(";
  for (const int64_t number : numbers) tuple += pickled(number);
  return tuple + "t";
}

inline std::string pickled_storage(const std::string& type, std::string_view key, int64_t size) {
  return std::string("(").append(pickled("storage")) + "ctorch\n" + type + "\n" + pickled(key) + pickled("cpu") +
         pickled(size) + "tQ";
}

const inline std::string kPickledOrderedDict = "ccollections\nOrderedDict\n)R";

/// Of 6 floats in the entry data/0, where nothing else is asked for.
struct PickledTensorParts {
  std::string storage = pickled_storage("FloatStorage", "0", 6);
  std::string offset = pickled(int64_t{0});
  std::string shape = pickled(std::vector<int64_t>{2, 3});
  std::string strides = pickled(std::vector<int64_t>{3, 1});
  std::string hooks = kPickledOrderedDict;
};

inline std::string pickled(const PickledTensorParts& tensor) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + tensor.storage + tensor.offset + tensor.shape + tensor.strides +
         "\x89" + tensor.hooks + "tR";
}

/// A pickle whose only value is `value`.
inline std::string pickle_of(const std::string& value) { return "\x80\x02" + value + "."; }

/// A pickle of {"w": value}.
inline std::string pickle_of_dict(const std::string& value) { return pickle_of("}" + pickled("w") + value + "s"); }

}  // namespace physgen
