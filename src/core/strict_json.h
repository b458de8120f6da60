#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace physgen {

/// One JSON value, each key once in its object. Throws FormatError, with the line, for a duplicate key (with its path
/// "a.b[2]"), for other text (with the column), for text that is not UTF-8, for a zero byte, for a number that is no
/// double and for more than 64 levels of nesting. Time and memory grow in proportion to the text.
/// @param source  the name of the file, for errors
/// @param first_line  the number of the text's first line in that file
nlohmann::json parse_strict_json(const std::string& text, const std::string& source, size_t first_line = 1);

/// The same with keys in the order of the text; an object of many keys takes long.
nlohmann::ordered_json parse_ordered_json(const std::string& text, const std::string& source);

}  // namespace physgen
