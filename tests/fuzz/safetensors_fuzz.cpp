#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "files/safetensors.h"
#include "files/safetensors_header.h"
#include "fuzz/read_entries.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

/// As the file of these bytes, which lies in memory.
void open_file(const uint8_t* data, size_t size) {
  const int descriptor = ::memfd_create("safetensors", MFD_CLOEXEC);
  if (descriptor < 0 || ::write(descriptor, data, size) != static_cast<ssize_t>(size)) std::abort();
  try {
    read_entries(SafetensorsFile::open("/proc/self/fd/" + std::to_string(descriptor)).entries());
  } catch (const FormatError&) {
  }
  ::close(descriptor);
}

/// From a buffer of exactly its length: a sanitizer does not see what is read behind the end of a mapped file.
void parse_header(const uint8_t* data, size_t size) {
  if (size < 8) return;
  uint64_t length = 0;
  std::memcpy(&length, data, 8);
  length = std::min<uint64_t>(length, size - 8);
  const std::string header(reinterpret_cast<const char*>(data) + 8, length);
  try {
    parse_safetensors_header(header, size - 8 - length, "fuzz");
  } catch (const FormatError&) {
  }
}

}  // namespace
}  // namespace physgen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  physgen::open_file(data, size);
  physgen::parse_header(data, size);
  return 0;
}
