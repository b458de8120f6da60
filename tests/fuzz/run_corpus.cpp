#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "support/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const char* folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Says which file it was, where the target throws.
void run(const fs::path& file) try {
  const std::string bytes = physgen::read_bytes(file);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
} catch (...) {
  std::fprintf(stderr, "%s:\n", file.c_str());
  throw;
}

}  // namespace

/// Runs a fuzz target over the files of folders, for compilers without libFuzzer. Exits 1 where there are none.
int main(int count, char** folders) try {
  size_t files = 0;
  for (int i = 1; i < count; ++i) {
    for (const fs::path& file : files_in(folders[i])) {
      run(file);
      ++files;
    }
  }
  std::printf("%zu inputs\n", files);
  return files > 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
