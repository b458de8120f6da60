#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <vector>

#include "checkpoint/file_descriptor.h"

namespace physgen {

/// What a folder holds, by name. Throws Error.
inline std::vector<std::filesystem::directory_entry> entries_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::directory_entry> entries;
  std::error_code reason;
  std::filesystem::directory_iterator at(folder, reason);
  while (!reason && at != std::filesystem::directory_iterator()) {
    entries.push_back(*at);
    at.increment(reason);
  }
  if (reason) throw system_error("a folder cannot be listed", folder, reason.value());
  std::sort(entries.begin(), entries.end());
  return entries;
}

/// A file itself, or every regular file in a folder and below, by name. Throws std::filesystem::filesystem_error.
inline std::vector<std::filesystem::path> files_below(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// What stands at a path, a link not followed: of type not_found where nothing does. Throws Error.
inline std::filesystem::file_status status_of(const std::filesystem::path& path) {
  std::error_code reason;
  const std::filesystem::file_status status = std::filesystem::symlink_status(path, reason);
  if (status.type() == std::filesystem::file_type::none) {
    throw system_error("a path cannot be examined", path, reason.value());
  }
  return status;
}

/// Bytes. Throws Error.
inline int64_t size_of_file(const std::filesystem::path& path) {
  std::error_code reason;
  const uintmax_t size = std::filesystem::file_size(path, reason);
  if (reason) throw system_error("a file cannot be examined", path, reason.value());
  return static_cast<int64_t>(size);
}

/// Flushes the names in a folder to the disk, not the contents of its files.
inline void sync_folder(const std::filesystem::path& folder) { FileDescriptor(folder, O_RDONLY | O_DIRECTORY).sync(); }

}  // namespace physgen
