#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "files/archived_tensors.h"
#include "fuzz/read_entries.h"
#include "physgen/core/error.h"
#include "support/torch_archive_writer.h"

/// What begins as a zip archive is read as one. Anything else is the pickle of an archive that is otherwise whole:
/// behind a checksum that it cannot guess, a fuzzer would never see the pickle's reader.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace physgen;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::string archive = input.starts_with("PK") ? input : zip_of(parts_of(input));
  try {
    read_entries(read_archived_tensors(std::as_bytes(std::span(archive)), "fuzz").tensors);
  } catch (const FormatError&) {
  }
  return 0;
}
