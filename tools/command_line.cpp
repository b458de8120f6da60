#include "command_line.h"

#include <fstream>

namespace physgen {

std::string command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text;
  for (std::string word; std::getline(file, word, '\0');) {
    const bool plain = !word.empty() && word.find_first_of(" \"'$&|;<>()*?\\\t\n") == std::string::npos;
    const char* quote = plain ? "" : "'";
    if (!text.empty()) text += ' ';
    text.append(quote).append(word).append(quote);
  }
  return text;
}

}  // namespace physgen
