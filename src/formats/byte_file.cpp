#include "formats/byte_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <physgen/core/error.h>

namespace physgen {
namespace {

/// HDF5's writers lock their file. A file system without locks counts as no.
bool is_being_written(int descriptor) { return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK; }

/// Why a descriptor is of no use, or "".
std::string fault_of(int descriptor, struct stat& status) {
  if (descriptor < 0 || fstat(descriptor, &status) != 0) return std::strerror(errno);
  if (!S_ISREG(status.st_mode)) return "not a regular file";
  if (is_being_written(descriptor)) return "a file that another program is writing";
  return "";
}

}  // namespace

ByteFile::ByteFile(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat status = {};
  const std::string fault = fault_of(descriptor_, status);
  if (!fault.empty()) {
    if (descriptor_ >= 0) close(descriptor_);
    throw Error({"a file cannot be read", path, fault, "a whole, readable file",
                 "check the path, its permissions and whether its writer has ended"});
  }
  size_ = status.st_size;
  if (size_ > 0) return;
  close(descriptor_);
  throw FormatError({"a file is empty", path, "0 bytes", "an HDF5 file", "make it or download it again"});
}

ByteFile::~ByteFile() { close(descriptor_); }

bool ByteFile::holds(uint64_t address, uint64_t count) const {
  const auto size = static_cast<uint64_t>(size_);
  return address <= size && count <= size - address;
}

bool ByteFile::read(uint64_t address, uint64_t count, uint8_t* out) const {
  if (!holds(address, count)) return false;
  while (count > 0) {
    const ssize_t got = pread(descriptor_, out, count, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    address += static_cast<uint64_t>(got);
    count -= static_cast<uint64_t>(got);
  }
  return true;
}

}  // namespace physgen
