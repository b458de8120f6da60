#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace physgen {

/// One JSON value, each key once in its object. Throws FormatError for a duplicate key (with its dotted path), for
/// other text (with line and column) and for more than 64 levels of nesting.
/// @param source  the name of the file, for errors
nlohmann::json parse_strict_json(const std::string& text, const std::string& source);

}  // namespace physgen
