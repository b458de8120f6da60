#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace physgen {

/// One JSON value, each key once in its object. Throws FormatError for a duplicate key (with its dotted path), for
/// other text (with line and column), for a zero byte and for more than 64 levels of nesting. Time and memory grow in
/// proportion to the text.
/// @param source  the name of the file, for errors
nlohmann::json parse_strict_json(const std::string& text, const std::string& source);

}  // namespace physgen
