#include "core/json_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include "core/foreign_file.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

FormatError unreadable(const std::filesystem::path& path, const JsonWords& words, const std::string& got) {
  return FormatError({.what = words.missing,
                      .where = path.string(),
                      .got = got,
                      .expected = words.expected,
                      .next_step = words.next_step});
}

void require_regular_file(const std::filesystem::path& path, const JsonWords& words) {
  std::error_code reason;
  const auto type = std::filesystem::status(path, reason).type();
  if (type == std::filesystem::file_type::regular) return;
  throw unreadable(path, words, reason ? reason.message() : "no regular file");
}

}  // namespace

std::string read_json_text(const std::filesystem::path& path, const JsonWords& words, size_t largest) {
  require_regular_file(path, words);
  errno = 0;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : 0;
  if (std::cmp_greater(size, largest)) {
    throw FormatError({.what = "a JSON file is too large",
                       .where = path.string(),
                       .got = std::to_string(size) + " bytes",
                       .expected = "at most " + std::to_string(largest)});
  }
  std::string text(static_cast<size_t>(size), '\0');
  file.seekg(0);
  if (!file.read(text.data(), size)) throw unreadable(path, words, std::strerror(errno));
  return text;
}

JsonView read_json_file(const std::filesystem::path& path, const JsonWords& words) {
  refuse_foreign_file(path);
  return parse_json(read_json_text(path, words), path.string(), words);
}

void each_json_line(const std::filesystem::path& path, const JsonWords& words, LastLine last,
                    const std::function<void(const JsonView&, const std::string&)>& visit) {
  const std::string text = read_json_text(path, words, kLargestJsonLines);
  if (!text.empty()) refuse_foreign_file(path);
  size_t number = 1;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = text.find('\n', begin);
    if (end == text.npos && last == LastLine::torn) return;
    const std::string line = text.substr(begin, end - begin);
    begin = end == text.npos ? end : end + 1;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    visit(parse_json(line, path.string(), words, number), line);
  }
}

}  // namespace physgen
