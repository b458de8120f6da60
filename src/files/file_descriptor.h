#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "physgen/core/error.h"

namespace physgen {

/// The operating system's reason, as an Error. `what` is the sentence before the path.
inline Error system_error(const std::string& what, const std::filesystem::path& path, int reason) {
  const bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  return Error({.what = what,
                .where = path.string(),
                .got = std::strerror(reason),
                .next_step = full ? "make room, then save again; what stood there before is intact" : ""});
}

/// An open file that closes itself.
class FileDescriptor {
 public:
  /// As open(2). Throws Error.
  FileDescriptor(const std::filesystem::path& path, int flags, mode_t mode = 0666)
      : path_(path), descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (descriptor_ < 0) throw system_error("a file cannot be opened", path_, errno);
  }
  ~FileDescriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return descriptor_; }
  const std::filesystem::path& path() const { return path_; }

  struct stat status() const {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) throw system_error("a file cannot be examined", path_, errno);
    return status;
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), std::min<size_t>(bytes.size(), kLongestWrite));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw system_error("a file cannot be written", path_, errno);
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }

  /// Reads up to `bytes.size()` bytes; 0 at the end of the file.
  size_t read(std::span<std::byte> bytes) {
    for (;;) {
      const ssize_t count = ::read(descriptor_, bytes.data(), bytes.size());
      if (count >= 0) return static_cast<size_t>(count);
      if (errno != EINTR) throw system_error("a file cannot be read", path_, errno);
    }
  }

  /// Once: after a failed fsync the kernel may drop the pages, and a second one would report success.
  void sync() {
    if (::fsync(descriptor_) != 0) throw system_error("a file cannot be flushed to the disk", path_, errno);
  }

  void close() {
    if (::close(std::exchange(descriptor_, -1)) != 0) throw system_error("a file cannot be closed", path_, errno);
  }

  /// Whether the lock is now held by this descriptor, until it is closed; else errno says why not.
  bool try_lock() { return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0; }

 private:
  static constexpr size_t kLongestWrite = 64 << 20;

  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace physgen
