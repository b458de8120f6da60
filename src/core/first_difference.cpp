#include "core/first_difference.h"

#include <sstream>

namespace physgen {
namespace {

std::string trimmed(const std::string& line) {
  const size_t start = line.find_first_not_of(' '), last = line.find_last_not_of(',');
  return start == std::string::npos || last == std::string::npos ? "" : line.substr(start, last + 1 - start);
}

}  // namespace

std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
  std::istringstream left(a), right(b);
  std::string left_line, right_line;
  while (left_line == right_line && (left || right)) {
    left_line.clear(), right_line.clear();
    std::getline(left, left_line), std::getline(right, right_line);
  }
  return left_line == right_line ? std::pair<std::string, std::string>()
                                 : std::pair(trimmed(left_line), trimmed(right_line));
}

}  // namespace physgen
