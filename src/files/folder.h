#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <vector>

#include "files/file_descriptor.h"

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

/// A file itself, or every regular file in a folder and below, by name. Throws Error.
inline std::vector<std::filesystem::path> files_below(const std::filesystem::path& path) {
  std::error_code reason;
  if (!std::filesystem::is_directory(path, reason)) return {path};
  std::vector<std::filesystem::path> files;
  std::filesystem::recursive_directory_iterator at(path, reason);
  while (!reason && at != std::filesystem::recursive_directory_iterator()) {
    if (at->is_regular_file(reason)) files.push_back(at->path());
    at.increment(reason);
  }
  if (reason) throw system_error("a folder cannot be listed", path, reason.value());
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

/// A folder and those above it, where they are not there. Throws Error.
inline void create_folders(const std::filesystem::path& path) {
  std::error_code reason;
  std::filesystem::create_directories(path, reason);
  if (reason) throw system_error("a folder cannot be created", path, reason.value());
}

/// Flushes the names in a folder to the disk, not the contents of its files.
inline void sync_folder(const std::filesystem::path& folder) { FileDescriptor(folder, O_RDONLY | O_DIRECTORY).sync(); }

}  // namespace physgen
