#include "files/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>

#include "core/quote.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

static_assert(std::endian::native == std::endian::little, "a zip archive is little-endian and read in place");

using Bytes = std::span<const std::byte>;

constexpr size_t kLongestName = 1024;  // bytes
constexpr size_t kLocalHeader = 30;    // bytes of each record without its name and fields of variable length
constexpr size_t kDirectoryHeader = 46;
constexpr size_t kEnd = 22;
constexpr size_t kEnd64 = 56;
constexpr size_t kLocator64 = 20;
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kDirectorySignature = 0x02014b50;
constexpr uint32_t kDescriptorSignature = 0x08074b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr uint16_t kDescriptorFlag = 1 << 3;  // checksum and sizes follow the data
constexpr uint16_t kUtf8Flag = 1 << 11;
constexpr uint16_t kExtra64 = 1;  // the extra field of 64-bit sizes

/// What a record says of an entry, all sizes widened.
struct Record {
  std::string_view name;
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t checksum = 0;
  uint64_t stored_size = 0;
  uint64_t size = 0;
  uint64_t offset = 0;  ///< of the local header
};

/// Where the directory lies, and how many records it has.
struct Directory {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t count = 0;
};

/// The caller has checked that the number lies inside.
template <class Number>
Number number_at(Bytes bytes, size_t at) {
  Number number;
  std::memcpy(&number, bytes.subspan(at).first(sizeof(Number)).data(), sizeof(Number));
  return number;
}

/// The largest number of a narrow field says that the number itself stands in a wide one.
template <class Narrow>
bool is_elsewhere(Narrow number) {
  return number == static_cast<Narrow>(-1);
}

template <class Narrow>
bool agrees(Narrow narrow, uint64_t wide) {
  return narrow == wide || is_elsewhere(narrow);
}

bool is_entry_name(std::string_view name) {
  const auto is_forbidden = [](char c) { return (c >= 0 && c < ' ') || c == 127 || c == '\\'; };
  if (name.size() > kLongestName || std::any_of(name.begin(), name.end(), is_forbidden)) return false;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

class ZipReader {
 public:
  ZipReader(Bytes bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  std::vector<ZipEntry> read() const {
    const Directory directory = find_directory();
    std::vector<Record> records = read_directory(directory);
    check_names(records);
    std::sort(records.begin(), records.end(), [](auto& a, auto& b) { return a.offset < b.offset; });
    const std::vector<ZipEntry> entries = read_entries(records, directory.begin);
    for (size_t i = 0; i < entries.size(); ++i) check_data(entries[i], records[i].checksum);
    return entries;
  }

 private:
  [[noreturn]] void refuse(const std::string& got, const std::string& expected,
                           const std::string& next_step = "") const {
    throw FormatError({.what = "a PyTorch archive is damaged or not one",
                       .where = source_,
                       .got = got,
                       .expected = expected,
                       .next_step = next_step});
  }

  [[noreturn]] void refuse_entry(std::string_view name, const std::string& got, const std::string& expected,
                                 const std::string& next_step = "") const {
    refuse("the zip entry " + quote(name) + " " + got, expected, next_step);
  }

  /// `count` bytes of the first `limit` bytes of the archive.
  Bytes slice(uint64_t begin, uint64_t count, uint64_t limit, const char* what) const {
    if (begin <= limit && count <= limit - begin) return bytes_.subspan(begin, count);
    refuse(what + std::string(" of ") + std::to_string(count) + " bytes at byte " + std::to_string(begin),
           "all of it before byte " + std::to_string(limit));
  }

  Directory find_directory() const {
    if (bytes_.size() < kEnd) refuse(std::to_string(bytes_.size()) + " bytes", "a zip archive of at least 22");
    const uint64_t end_at = bytes_.size() - kEnd;
    const Bytes end = bytes_.subspan(end_at);
    if (number_at<uint32_t>(end, 0) != kEndSignature || number_at<uint16_t>(end, 20) != 0) {
      refuse("no end record of a zip archive in the last 22 bytes", "a whole zip archive without a comment",
             "save it with torch.save of PyTorch 1.6 or later, or download it again");
    }
    const auto disk = number_at<uint16_t>(end, 4), first_disk = number_at<uint16_t>(end, 6);
    const auto here = number_at<uint16_t>(end, 8), count = number_at<uint16_t>(end, 10);
    if (disk != 0 || first_disk != 0 || here != count) refuse("a part of a zip archive", "the archive in one file");
    const auto size = number_at<uint32_t>(end, 12), begin = number_at<uint32_t>(end, 16);
    if (const auto wide = find_wide_directory(end_at)) {
      const bool agree = agrees(count, wide->count) && agrees(size, wide->end - wide->begin);
      if (agree && agrees(begin, wide->begin)) return *wide;
      refuse("two end records that disagree", "the same directory in the zip64 record");
    }
    return checked_directory(begin, size, count, end_at);
  }

  /// From the zip64 records before the end record, where they are.
  std::optional<Directory> find_wide_directory(uint64_t end_at) const {
    if (end_at < kLocator64) return {};
    const Bytes locator = bytes_.subspan(end_at - kLocator64, kLocator64);
    if (number_at<uint32_t>(locator, 0) != kLocator64Signature) return {};
    const uint64_t at = number_at<uint64_t>(locator, 8);
    const Bytes end = slice(at, kEnd64, end_at - kLocator64, "a zip64 end record");
    if (number_at<uint32_t>(end, 0) != kEnd64Signature || at + kEnd64 != end_at - kLocator64 ||
        number_at<uint64_t>(end, 4) != kEnd64 - 12) {
      refuse("no zip64 end record at byte " + std::to_string(at), "one of 56 bytes right before its locator");
    }
    const uint64_t count = number_at<uint64_t>(end, 32);
    const bool whole = number_at<uint32_t>(locator, 4) == 0 && number_at<uint32_t>(locator, 16) <= 1 &&
                       number_at<uint32_t>(end, 16) == 0 && number_at<uint32_t>(end, 20) == 0 &&
                       number_at<uint64_t>(end, 24) == count;
    if (!whole) refuse("a part of a zip archive", "the archive in one file");
    return checked_directory(number_at<uint64_t>(end, 48), number_at<uint64_t>(end, 40), count, at);
  }

  Directory checked_directory(uint64_t begin, uint64_t size, uint64_t count, uint64_t end) const {
    slice(begin, size, end, "a zip directory");
    if (begin + size == end) return {.begin = begin, .end = end, .count = count};
    refuse("a zip directory that ends at byte " + std::to_string(begin + size),
           "an end at byte " + std::to_string(end) + ", where its end record begins");
  }

  std::vector<Record> read_directory(const Directory& directory) const {
    std::vector<Record> records;
    uint64_t at = directory.begin;
    while (at < directory.end) {
      const Bytes header = slice(at, kDirectoryHeader, directory.end, "a directory record");
      const uint64_t name = number_at<uint16_t>(header, 28), extra = number_at<uint16_t>(header, 30);
      const uint64_t size = kDirectoryHeader + name + extra + number_at<uint16_t>(header, 32);
      records.push_back(read_record(slice(at, size, directory.end, "a directory record"), name, extra));
      at += size;
    }
    if (records.size() == directory.count) return records;
    refuse(std::to_string(records.size()) + " zip entries",
           std::to_string(directory.count) + ", as the end record says");
  }

  Record read_record(Bytes bytes, uint64_t name_size, uint64_t extra_size) const {
    const std::string_view name(reinterpret_cast<const char*>(bytes.data()) + kDirectoryHeader, name_size);
    if (number_at<uint32_t>(bytes, 0) != kDirectorySignature) refuse("a zip directory without a record", "a record");
    if (!is_entry_name(name)) {
      refuse("the entry name " + quote(name), "a relative path without .. and backslashes, 1 to 1024 bytes");
    }
    if (number_at<uint16_t>(bytes, 34) != 0) refuse_entry(name, "lies in another file", "the archive in one file");
    Record record = {.name = name,
                     .flags = number_at<uint16_t>(bytes, 8),
                     .method = number_at<uint16_t>(bytes, 10),
                     .checksum = number_at<uint32_t>(bytes, 16),
                     .stored_size = number_at<uint32_t>(bytes, 20),
                     .size = number_at<uint32_t>(bytes, 24),
                     .offset = number_at<uint32_t>(bytes, 42)};
    widen(record, bytes.subspan(kDirectoryHeader + name_size, extra_size));
    check_record(record);
    return record;
  }

  /// The zip64 field among the extra fields, if there is one.
  std::optional<Bytes> wide_numbers(std::string_view name, Bytes extra) const {
    std::optional<Bytes> found;
    while (!extra.empty()) {
      if (extra.size() < 4 || number_at<uint16_t>(extra, 2) > extra.size() - 4) {
        refuse_entry(name, "has an extra field that is cut short", "whole fields");
      }
      const auto kind = number_at<uint16_t>(extra, 0), size = number_at<uint16_t>(extra, 2);
      if (kind == kExtra64 && found) refuse_entry(name, "has two zip64 fields", "one");
      if (kind == kExtra64) found = extra.subspan(4, size);
      extra = extra.subspan(4u + size);
    }
    return found;
  }

  /// Only the numbers that did not fit stand in the zip64 field, in this order.
  void widen(Record& record, Bytes extra) const {
    Bytes wide = wide_numbers(record.name, extra).value_or(Bytes());
    for (uint64_t* number : {&record.size, &record.stored_size, &record.offset}) {
      if (!is_elsewhere(static_cast<uint32_t>(*number))) continue;
      if (wide.size() < 8) refuse_entry(record.name, "lacks a 64-bit size or offset", "it in the zip64 field");
      *number = number_at<uint64_t>(wide, 0);
      wide = wide.subspan(8);
    }
  }

  void check_record(const Record& record) const {
    if (record.flags & ~(kDescriptorFlag | kUtf8Flag)) {
      refuse_entry(record.name, "is encrypted or of an unknown kind, its flags are " + std::to_string(record.flags),
                   "flags of 0, 8, 2048 or 2056");
    }
    if (record.method != 0) {
      refuse_entry(record.name, "is compressed by method " + std::to_string(record.method), "stored, method 0",
                   "save it again with torch.save, which stores entries as they are");
    }
    if (record.stored_size != record.size) {
      refuse_entry(record.name,
                   "takes " + std::to_string(record.stored_size) + " bytes for " + std::to_string(record.size),
                   "as many, since it is stored");
    }
  }

  void check_names(const std::vector<Record>& records) const {
    std::set<std::string_view> names;
    for (const Record& record : records) {
      if (!names.insert(record.name).second) refuse_entry(record.name, "a second time", "each name once");
    }
  }

  /// @param end  where the directory begins
  std::vector<ZipEntry> read_entries(const std::vector<Record>& records, uint64_t end) const {
    std::vector<ZipEntry> entries;
    uint64_t at = 0;
    for (const Record& record : records) {
      if (record.offset != at) {
        refuse_entry(record.name, "begins at byte " + std::to_string(record.offset),
                     "byte " + std::to_string(at) + ", no overlap and no hole");
      }
      entries.push_back({.name = record.name, .data = read_entry(record, at, end)});
    }
    if (at == end) return entries;
    refuse("zip entries that end at byte " + std::to_string(at),
           "byte " + std::to_string(end) + ", where the directory begins");
  }

  /// The data of an entry, whose local header begins at `at`; moves `at` behind the entry.
  Bytes read_entry(const Record& record, uint64_t& at, uint64_t limit) const {
    const Bytes header = slice(at, kLocalHeader, limit, "a local header");
    const uint64_t name_size = number_at<uint16_t>(header, 26), extra_size = number_at<uint16_t>(header, 28);
    const uint64_t header_size = kLocalHeader + name_size + extra_size;
    const Bytes whole = slice(at, header_size, limit, "a local header");
    const Bytes name = whole.subspan(kLocalHeader, name_size);
    const auto wide = wide_numbers(record.name, whole.subspan(kLocalHeader + name_size));
    if (number_at<uint32_t>(header, 0) != kLocalSignature || number_at<uint16_t>(header, 6) != record.flags ||
        number_at<uint16_t>(header, 8) != record.method ||
        !std::ranges::equal(name, std::as_bytes(std::span(record.name)))) {
      refuse_entry(record.name, "has a local header that disagrees", "the name, flags and method of the directory");
    }
    check_local_sizes(record, header, wide);
    const Bytes data = slice(at + header_size, record.size, limit, "the data of an entry");
    at += header_size + record.size;
    if (record.flags & kDescriptorFlag) at += check_descriptor(record, at, limit, wide.has_value());
    return data;
  }

  void check_local_sizes(const Record& record, Bytes header, const std::optional<Bytes>& wide) const {
    const auto checksum = number_at<uint32_t>(header, 14), stored = number_at<uint32_t>(header, 18),
               size = number_at<uint32_t>(header, 22);
    const bool unknown = checksum == 0 && (stored == 0 || is_elsewhere(stored)) && (size == 0 || is_elsewhere(size));
    if ((record.flags & kDescriptorFlag) && unknown) return;  // the writer did not know them yet
    bool agree = checksum == record.checksum && agrees(stored, record.size) && agrees(size, record.size);
    if (agree && (is_elsewhere(stored) || is_elsewhere(size))) {
      agree = wide && wide->size() >= 16 && number_at<uint64_t>(*wide, 0) == record.size &&
              number_at<uint64_t>(*wide, 8) == record.size;
    }
    if (!agree) refuse_entry(record.name, "has a local header that disagrees", "the sizes of the directory");
  }

  /// Its own size. It is wide where the local header has a zip64 field.
  uint64_t check_descriptor(const Record& record, uint64_t at, uint64_t limit, bool wide) const {
    const Bytes bytes = slice(at, wide ? 24 : 16, limit, "the descriptor of an entry");
    const uint64_t stored = wide ? number_at<uint64_t>(bytes, 8) : number_at<uint32_t>(bytes, 8);
    const uint64_t size = wide ? number_at<uint64_t>(bytes, 16) : number_at<uint32_t>(bytes, 12);
    if (number_at<uint32_t>(bytes, 0) == kDescriptorSignature && number_at<uint32_t>(bytes, 4) == record.checksum &&
        stored == record.size && size == record.size) {
      return bytes.size();
    }
    refuse_entry(record.name, "has a descriptor that disagrees", "the checksum and sizes of the directory");
  }

  void check_data(const ZipEntry& entry, uint32_t checksum) const {
    const auto* data = reinterpret_cast<const Bytef*>(entry.data.data());
    const auto found = static_cast<uint32_t>(::crc32_z(0, data, entry.data.size()));
    if (found == checksum) return;
    refuse_entry(entry.name, "has the CRC-32 " + std::to_string(found), std::to_string(checksum),
                 "copy or download the file again, or save it with torch.serialization.set_crc32_options(True)");
  }

  Bytes bytes_;
  const std::string& source_;
};

}  // namespace

std::vector<ZipEntry> read_zip_archive(std::span<const std::byte> bytes, const std::string& source) {
  return ZipReader(bytes, source).read();
}

}  // namespace physgen
