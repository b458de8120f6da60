#include "core/foreign_file.h"

#include <cctype>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "physgen/core/error.h"

namespace physgen {
namespace {

constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";
constexpr size_t kHead = 512;

struct Archive {
  std::string_view magic;
  const char* name;
};

constexpr Archive kArchives[] = {{{"\x1f\x8b", 2}, "a gzip archive"},
                                 {{"\x28\xb5\x2f\xfd", 4}, "a zstd archive"},
                                 {{"\xfd"
                                   "7zXZ",
                                   5},
                                  "an xz archive"},
                                 {{"7z\xbc\xaf", 4}, "a 7z archive"},
                                 {{"BZh", 3}, "a bzip2 archive"}};

/// How a file begins; nothing where it cannot be read.
std::optional<std::string> head_of(const std::filesystem::path& path) {
  std::error_code reason;
  if (!std::filesystem::is_regular_file(path, reason)) return {};
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  std::string head(kHead, '\0');
  file.read(head.data(), static_cast<std::streamsize>(kHead));
  head.resize(static_cast<size_t>(file.gcount()));
  return head;
}

/// "1234 bytes" of a pointer's line "size 1234".
std::string size_in(const std::string& pointer) {
  const size_t line = pointer.find("\nsize ");
  std::string digits;
  for (size_t i = line + 6; line != std::string::npos && i < pointer.size() && std::isdigit(pointer[i]); ++i) {
    digits += pointer[i];
  }
  return digits.empty() || digits.size() > 18 ? "the file" : "a file of " + digits + " bytes";
}

bool is_web_page(const std::string& head) {
  std::string text;
  for (const char c : head) text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return false;
  return text.compare(first, 9, "<!doctype") == 0 || text.compare(first, 5, "<html") == 0;
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& got, const std::string& next_step) {
  throw FormatError({.what = "a file is not what its name says",
                     .where = path.string(),
                     .got = got,
                     .expected = "the file itself",
                     .next_step = next_step});
}

}  // namespace

void refuse_foreign_file(const std::filesystem::path& path, Zip zip) {
  const std::optional<std::string> read = head_of(path);
  if (!read) return;
  const std::string& head = *read;
  if (head.empty()) refuse(path, "an empty file", "make it or download it again");
  if (head.starts_with(kPointer)) {
    refuse(path, "a Git-LFS pointer to " + size_in(head),
           "fetch what it points to: git lfs pull, or hf download instead of git clone");
  }
  if (is_web_page(head))
    refuse(path, "a web page (HTML)", "download the file itself; log in first where that is asked");
  for (const Archive& archive : kArchives) {
    if (head.starts_with(archive.magic)) refuse(path, archive.name, "unpack it, and name what is in it");
  }
  if (zip == Zip::refused && head.starts_with("PK\x03\x04")) {
    refuse(path, "a zip archive", "unpack it, and name what is in it");
  }
}

}  // namespace physgen
