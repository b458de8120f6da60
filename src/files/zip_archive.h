#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace physgen {

/// One file of a zip archive. Both views lie in the bytes of the archive.
struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> data;
};

/// The entries of a zip archive, zip64 or not, in the order of their bytes. The archive is untrusted, and refused where
/// it could be read in two ways: the entries fill it from its first byte to the directory without overlap and without
/// holes, each agrees in its local header, its descriptor and the directory, no two have one name, and the archive ends
/// with the directory's end record, without a comment. Entries are stored uncompressed and not encrypted, their names
/// are relative, of 1 to 1024 bytes without control characters, backslashes, `.` and `..`; every CRC-32 is checked,
/// which reads the whole archive. Throws FormatError.
/// Format: APPNOTE.TXT 6.3.10, as PyTorch's writer (miniz) and Python's zipfile fill it in.
/// @param source  the name of the file, for errors
std::vector<ZipEntry> read_zip_archive(std::span<const std::byte> bytes, const std::string& source);

}  // namespace physgen
