#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace physgen {

/// A text from an untrusted file as an error may show it: in quotes, in ASCII without control characters, short.
std::string quote(std::string_view text);

/// The same without the quotes.
std::string escaped(std::string_view text);

bool is_utf8(std::string_view text);

/// A JSON value as an error may show it: "a list" or "an object" of those, on one line, in ASCII, short.
std::string quote_json(const nlohmann::json& value);

}  // namespace physgen
