#pragma once

#include <cstdint>
#include <string>

namespace physgen {

/// A file, open for reading at any place.
class ByteFile {
 public:
  /// Throws Error when it cannot be opened or someone holds it locked to write it, FormatError when it is empty.
  explicit ByteFile(const std::string& path);
  ByteFile(const ByteFile&) = delete;
  ByteFile& operator=(const ByteFile&) = delete;
  ~ByteFile();

  int64_t size() const { return size_; }
  /// Whether `count` bytes lie at `address`.
  bool holds(uint64_t address, uint64_t count) const;
  /// Reads them; false when the file is shorter or the disk fails.
  bool read(uint64_t address, uint64_t count, uint8_t* out) const;

 private:
  int descriptor_;
  int64_t size_ = 0;
};

}  // namespace physgen
