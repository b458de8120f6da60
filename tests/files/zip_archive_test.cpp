#include "files/zip_archive.h"

#include <gtest/gtest.h>

#include "support/problem_of.h"
#include "support/torch_archive_writer.h"

namespace physgen {
namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<ZipEntry> read(const std::string& bytes) {
  return read_zip_archive(std::as_bytes(std::span(bytes)), "a.zip");
}

void expect_refused(const std::string& bytes, const std::string& got) {
  const Problem problem = problem_of<FormatError>([&] { read(bytes); });
  EXPECT_EQ(problem.where, "a.zip");
  EXPECT_NE(problem.got.find(got), std::string::npos) << problem.got << " for " << got;
}

void expect_part_refused(const ZipPart& part, const std::string& got) {
  expect_refused(zip_of({{.name = "a/first", .data = "1"}, part, {.name = "a/last", .data = "3"}}), got);
}

/// The zip64 records of a directory.
std::string wide_end(uint64_t count, uint64_t size, uint64_t offset, uint32_t disks = 1) {
  return std::string("PK\6\6\x2c\0\0\0\0\0\0\0", 12) + std::string(12, '\0') + little_endian(count) +
         little_endian(count) + little_endian(size) + little_endian(offset) + std::string("PK\6\7\0\0\0\0", 8) +
         little_endian(offset + size) + little_endian(disks);
}

/// A zip of one entry with zip64 records. `begin` is where the narrow record says that the directory begins.
std::string wide_zip(const ZipPart& part, const std::string& records, uint16_t count = 1, uint32_t begin = 0xffffffff) {
  return local_record(part) + directory_record(part, 0) + records +
         end_of_zip(count, static_cast<uint32_t>(directory_record(part, 0).size()), begin);
}

TEST(ZipArchiveTest, EntriesComeInTheOrderOfTheirBytesAndLieInThem) {
  const std::string zip = zip_of({{.name = "a/x", .data = "one"}, {.name = "b", .data = ""}});
  const std::vector<ZipEntry> entries = read_zip_archive(std::as_bytes(std::span(zip)), "a.zip");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "a/x");
  EXPECT_EQ(text_of(entries[0].data), "one");
  EXPECT_EQ(static_cast<const void*>(entries[0].data.data()), zip.data() + 33);
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_TRUE(entries[1].data.empty());
  EXPECT_TRUE(read(zip_of({})).empty());
}

TEST(ZipArchiveTest, ADescriptorIsComparedWithTheDirectory) {
  const uint32_t checksum = static_cast<uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>("one"), 3));
  const auto descriptor = [](uint32_t sum, auto stored, auto size) {
    return "PK\7\10" + little_endian(sum) + little_endian(stored) + little_endian(size);
  };
  ZipPart part = {.name = "w", .data = "one", .flags = 0x808, .behind = descriptor(checksum, 3, 3)};
  EXPECT_EQ(text_of(read(zip_of({part}))[0].data), "one");
  part.local_size = 0;
  expect_refused(zip_of({part}), "has a local header that disagrees");  // it has a checksum
  part.local_size = {};
  for (const std::string& other : {descriptor(checksum ^ 1, 3, 3), descriptor(checksum, 4, 3),
                                   descriptor(checksum, 3, 2), "xK" + descriptor(checksum, 3, 3).substr(2)}) {
    part.behind = other;
    expect_refused(zip_of({part}), "has a descriptor that disagrees");
  }
  part.behind = "PK";
  expect_refused(zip_of({part}), "the descriptor of an entry of 16 bytes");
  part.local_extra = std::string("\1\0\0\0", 4);
  part.behind = descriptor(checksum, int64_t{3}, int64_t{3});
  EXPECT_EQ(text_of(read(zip_of({part}))[0].data), "one");
}

TEST(ZipArchiveTest, WideSizesAreReadFromTheZip64Field) {
  const std::string extra = std::string("\1\0\x10\0", 4) + little_endian(int64_t{3}) + little_endian(int64_t{3});
  ZipPart part = {.name = "a/w", .data = "one", .size = 0xffffffff, .extra = extra, .local_extra = extra};
  EXPECT_EQ(text_of(read(zip_of({part}))[0].data), "one");
  part.local_extra[4] = 4;
  expect_refused(zip_of({part}), "has a local header that disagrees");
  part.local_extra.clear();
  expect_refused(zip_of({part}), "has a local header that disagrees");
  part.extra[4] = 4;
  expect_refused(zip_of({part}), "takes 3 bytes for 4");
  part.extra = std::string("\1\0\x10\0", 4) + std::string(16, '\xff');
  expect_refused(zip_of({part}), "has a local header that disagrees");
  part.local_extra = part.extra;
  expect_refused(zip_of({part}), "the data of an entry of 18446744073709551615 bytes");
  for (const std::string& cut :
       {std::string("\1\0\x10\0", 4), std::string("\1\0\x10", 3), std::string("\1\0\xff\xff", 4)}) {
    part.extra = cut;
    expect_refused(zip_of({part}), "cut short");
  }
  part.extra.clear();
  expect_refused(zip_of({part}), "lacks a 64-bit size or offset");
  part.extra = extra + extra;
  expect_refused(zip_of({part}), "has two zip64 fields");
}

TEST(ZipArchiveTest, Zip64RecordsAreReadAndComparedWithTheEndRecord) {
  const ZipPart part = {.name = "a/w", .data = "one"};
  const uint64_t begin = local_record(part).size(), size = directory_record(part, 0).size();
  EXPECT_EQ(read(wide_zip(part, wide_end(1, size, begin))).size(), 1u);
  EXPECT_EQ(read(wide_zip(part, wide_end(1, size, begin), 0xffff, static_cast<uint32_t>(begin))).size(), 1u);
  expect_refused(wide_zip(part, wide_end(1, size, begin), 2), "two end records that disagree");
  expect_refused(wide_zip(part, wide_end(1, size, begin), 1, 5), "two end records that disagree");
  expect_refused(wide_zip(part, wide_end(1, size, begin, 2)), "a part of a zip archive");
  expect_refused(wide_zip(part, wide_end(2, size, begin)), "two end records that disagree");
  expect_refused(wide_zip(part, wide_end(2, size, begin), 0xffff), "1 zip entries");
  expect_refused(wide_zip(part, wide_end(1, size + 1, begin)), "a zip64 end record of 56 bytes");
  expect_refused(wide_zip(part, wide_end(1, size, begin - 1)), "no zip64 end record");
  expect_refused(wide_zip(part, wide_end(1, ~uint64_t{0} - 10, begin)), "zip64 end record");
  std::string records = wide_end(1, size, begin);
  records[4] = 45;
  expect_refused(wide_zip(part, records), "no zip64 end record");
}

TEST(ZipArchiveTest, AnEntryThatIsNotStoredAsItIsIsRefused) {
  expect_part_refused({.name = "a/w", .data = "x", .method = 8}, "\"a/w\" is compressed by method 8");
  expect_part_refused({.name = "a/w", .data = "x", .flags = 1}, "is encrypted");
  expect_part_refused({.name = "a/w", .data = "x", .flags = 1 << 13}, "is encrypted");
  expect_part_refused({.name = "a/w", .data = "x", .checksum = 7}, "has the CRC-32");
}

TEST(ZipArchiveTest, ANameThatLeavesTheArchiveIsRefused) {
  for (const char* name : {"", "/", "/etc/passwd", "..", "../w", "a/../w", "a/..", "a//w", "a/", "./w", "a/./w", "a\\w",
                           "C:\\w", "a\nw", "a\x7f"}) {
    expect_part_refused({.name = name, .data = "x"}, "the entry name \"");
  }
  expect_part_refused({.name = std::string("a/w\0x", 5)}, "the entry name \"a/w\\u0000x\"");
  expect_part_refused({.name = std::string(1025, 'x')}, "the entry name \"");
  EXPECT_EQ(read(zip_of({{.name = "..a/w..", .data = "x"}})).size(), 1u);
}

TEST(ZipArchiveTest, EntriesThatContradictThemselvesAreRefused) {
  expect_part_refused({.name = "a/first", .data = "x"}, "\"a/first\" a second time");
  expect_part_refused({.name = "a/w", .data = "x", .local_name = "a/v"}, "has a local header that disagrees");
  expect_part_refused({.name = "a/w", .data = "x", .local_name = "a/ww"}, "has a local header that disagrees");
  expect_part_refused({.name = "a/w", .data = "xy", .local_size = 1}, "has a local header that disagrees");
  expect_part_refused({.name = "a/w", .data = "xy", .size = 1}, "begins at byte");
  expect_part_refused({.name = "a/w", .data = "xy", .size = 3}, "begins at byte");
  expect_part_refused({.name = "a/w", .data = "xy", .size = 0x7fffffff}, "the data of an entry of 2147483647 bytes");
  expect_part_refused({.name = "a/w", .data = "xy", .local_extra = "abc"}, "an extra field that is cut short");
}

TEST(ZipArchiveTest, OverlapsHolesAndEntriesOutsideTheFileAreRefused) {
  expect_part_refused({.name = "a/w", .data = "x", .offset = 0}, "begins at byte 0");
  expect_part_refused({.name = "a/w", .data = "x", .offset = 1}, "begins at byte 1");
  expect_part_refused({.name = "a/w", .data = "x", .offset = 0x7fffffff}, "begins at byte");
  expect_part_refused({.name = "a/w", .data = "x", .behind = "a hole"}, "begins at byte");
  expect_refused(zip_of({{.name = "a/w", .data = "x", .behind = "a hole"}}), "zip entries that end at byte 34");
  expect_refused(zip_of({{.name = "a/w", .data = "x", .size = 2}}), "the data of an entry of 2 bytes");
  expect_refused("#!/bin/sh\n" + zip_of({{.name = "a/w", .data = "x"}}), "a zip directory");
  expect_refused(zip_of({}) + zip_of({}), "a zip directory that ends at byte 0");
}

TEST(ZipArchiveTest, AnEndRecordThatLiesIsRefused) {
  const std::string zip = zip_of({{.name = "a/w", .data = "x"}});
  const size_t end = zip.size() - 22;
  const auto lie = [&](size_t at, char byte) {
    std::string other = zip;
    other[end + at] = byte;
    return other;
  };
  expect_refused(lie(0, 'x'), "no end record");
  expect_refused(lie(4, 1), "a part of a zip archive");
  expect_refused(lie(6, 1), "a part of a zip archive");
  expect_refused(lie(8, 2), "a part of a zip archive");
  expect_refused(lie(12, 1), "a zip directory that ends at");
  expect_refused(lie(15, '\xff'), "a zip directory of");
  expect_refused(lie(16, 1), "a zip directory");
  expect_refused(lie(19, '\xff'), "a zip directory of");
  expect_refused(lie(20, 1), "no end record");
  expect_refused(zip + "a comment", "no end record");
  std::string other = lie(8, 2);
  other[end + 10] = 2;
  expect_refused(other, "1 zip entries");
  other = zip;
  other[34] = 'x';
  expect_refused(other, "a zip directory without a record");
  other = zip;
  other[34 + 34] = 1;
  expect_refused(other, "lies in another file");
  expect_refused("", "0 bytes");
}

}  // namespace
}  // namespace physgen
