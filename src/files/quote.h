#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace physgen {

/// A text from an untrusted file as an error may show it: in quotes, in ASCII without control characters, short.
inline std::string quote_of(std::string_view text) {
  constexpr size_t kLongest = 200;  // bytes
  const std::string start(text.substr(0, kLongest));
  std::string quote = nlohmann::json(start).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > kLongest) quote += "…";
  return quote;
}

}  // namespace physgen
