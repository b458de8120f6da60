#include "files/mapped_file.h"

#include <sys/mman.h>

#include <cerrno>

#include "files/file_descriptor.h"
#include "physgen/core/error.h"

namespace physgen {

MappedFile map_file(const std::filesystem::path& path, const std::string& kind, size_t least) {
  if (::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    throw ConfigError({.what = "a " + kind + " does not exist", .where = path.string()});
  }
  const FileDescriptor file(path, O_RDONLY | O_NONBLOCK);  // opening a pipe must not wait for its writer
  const auto status = file.status();
  const size_t size = static_cast<size_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size < least) {
    throw FormatError({.what = "a " + kind + " is damaged or not one",
                       .where = path.string(),
                       .got = S_ISREG(status.st_mode) ? std::to_string(size) + " bytes" : "not a regular file",
                       .expected = "a regular file of at least " + std::to_string(least) + " bytes"});
  }
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) throw system_error("a file cannot be mapped", path, errno);
  const auto unmap = [size](const void* at) { ::munmap(const_cast<void*>(at), size); };
  return {.bytes = {static_cast<const std::byte*>(address), size},
          .keep_alive = std::shared_ptr<const void>(address, unmap)};
}

}  // namespace physgen
