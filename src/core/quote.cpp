#include "core/quote.h"

#include <nlohmann/json.hpp>

namespace physgen {
namespace {

using nlohmann::json;

constexpr size_t kLongest = 200;  // bytes

std::string in_ascii(const json& value) { return value.dump(-1, ' ', true, json::error_handler_t::replace); }

}  // namespace

std::string quote(std::string_view text) {
  const std::string shown = in_ascii(std::string(text.substr(0, kLongest)));
  return text.size() > kLongest ? shown + "…" : shown;
}

std::string escaped(std::string_view text) {
  const std::string shown = in_ascii(std::string(text.substr(0, kLongest)));
  return shown.substr(1, shown.size() - 2) + (text.size() > kLongest ? "…" : "");
}

bool is_utf8(std::string_view text) {
  try {
    json(text).dump();
    return true;
  } catch (const json::type_error&) {
    return false;
  }
}

std::string quote_json(const json& value) {
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  return value.is_string() ? quote(value.get_ref<const std::string&>()) : value.dump();
}

}  // namespace physgen
