#pragma once

#include <fstream>
#include <map>
#include <string>

namespace physgen {

/// The shapes by name in a table of tests/golden: "name TAB [a, b] TAB kind" a line.
inline std::map<std::string, std::string> published_tensors(const std::string& table) {
  std::ifstream file(PHYSGEN_SOURCE_DIR "/tests/golden/" + table);
  std::map<std::string, std::string> tensors;
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find('\t'), second = line.find('\t', first + 1);
    tensors[line.substr(0, first)] = line.substr(first + 1, second - first - 1);
  }
  return tensors;
}

}  // namespace physgen
