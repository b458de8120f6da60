#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "core/json_view.h"

namespace physgen {

inline constexpr size_t kLargestJsonFile = 16 << 20;    // bytes; it may come with an untrusted checkpoint
inline constexpr size_t kLargestJsonLines = 256 << 20;  // bytes

/// The text of a file. Throws FormatError, in those words, where it is not there, not a regular file or larger.
std::string read_json_text(const std::filesystem::path& path, const JsonWords& words = {},
                           size_t largest = kLargestJsonFile);

/// The value of a file, strictly read. Throws FormatError as read_json_text and parse_strict_json do.
JsonView read_json_file(const std::filesystem::path& path, const JsonWords& words = {});

/// What the last line may be that ends without a line break: `torn` where a crash may have cut it short.
enum class LastLine { whole, torn };

/// Visits the value and the text of each line of a file that is not blank; not a torn one's. Throws as read_json_file
/// does, with the number of the line.
void each_json_line(const std::filesystem::path& path, const JsonWords& words, LastLine last,
                    const std::function<void(const JsonView& value, const std::string& text)>& visit);

}  // namespace physgen
