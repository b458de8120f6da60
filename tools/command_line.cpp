#include "command_line.h"
#include "core/printable.h"

#include <cstdlib>
#include <fstream>

namespace physgen {

std::string command_line() {
  if (const char* begun = std::getenv(kCommandVariable)) return begun;  // NOLINT(concurrency-mt-unsafe): nobody sets it
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text;
  for (std::string word; std::getline(file, word, '\0');) {
    const bool plain = !word.empty() && word.find_first_of(" \"'$&|;<>()*?\\\t\n") == std::string::npos;
    const char* quote = plain ? "" : "'";
    if (!text.empty()) text += ' ';
    text.append(quote).append(word).append(quote);
  }
  return printable(text);
}

}  // namespace physgen
