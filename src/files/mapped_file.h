#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace physgen {

/// The bytes of a file, mapped read-only. Another process must not cut the file short meanwhile.
struct MappedFile {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keep_alive;  ///< `bytes` stay mapped for as long as it, or a copy of it, lives
};

/// Throws ConfigError where the file does not exist, Error where it cannot be read, and FormatError where it is not a
/// regular file of at least `least` bytes.
/// @param kind  what the file should be, for errors: "safetensors file"
/// @param least  at least 1
MappedFile map_file(const std::filesystem::path& path, const std::string& kind, size_t least);

}  // namespace physgen
