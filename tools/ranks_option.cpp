#include "ranks_option.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <physgen/core/error.h>

#include "command_line.h"

namespace physgen {
namespace {

constexpr const char* kFlag = "--nproc";

/// The words of this process's command, without the flag.
std::vector<std::string> own_command() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) {
    if (word == kFlag) {
      std::getline(file, word, '\0');
    } else if (!word.starts_with(std::string(kFlag) + "=")) {
      words.push_back(word);
    }
  }
  return words;
}

}  // namespace

CLI::Option* add_ranks_option(CLI::App& command, int64_t& ranks) {
  return command
      .add_option(kFlag, ranks, "Processes on this machine that share each step, one a GPU; begun by torchrun")
      ->check(CLI::Range(1, 1024));
}

void begin_ranks(int64_t ranks) {
  if (ranks <= 1) return;
  if (std::getenv("RANK")) {  // NOLINT(concurrency-mt-unsafe): before threads are begun
    throw ConfigError({.what = "the processes are begun already",
                       .where = kFlag,
                       .got = "RANK in the environment",
                       .next_step = "leave out --nproc under torchrun or srun"});
  }
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();  // wherever it was found
  std::vector<std::string> words = {"torchrun",         "--standalone",        "--no-python",
                                    "--nproc-per-node", std::to_string(ranks), program};
  const std::vector<std::string> own = own_command();
  words.insert(words.end(), own.begin() + 1, own.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::setenv(kCommandVariable, command_line().c_str(), 1);  // NOLINT(concurrency-mt-unsafe): before threads are begun
  execvp(pointers[0], pointers.data());
  throw ConfigError({.what = "several processes cannot be begun",
                     .where = kFlag,
                     .got = "no torchrun in PATH",
                     .next_step = "put PyTorch's in it: export PATH=$PWD/.venv/bin:$PATH"});
}

}  // namespace physgen
