#include "text/json_entry.h"

#include <algorithm>
#include <utility>

#include "physgen/core/error.h"

namespace physgen {
namespace {

using nlohmann::json;

constexpr size_t kLongestQuote = 80;  // bytes

}  // namespace

std::string quote_json(const json& value) {
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  const std::string text = value.dump(-1, ' ', true);  // the escapes of ASCII alone, so that it may be cut anywhere
  return text.size() > kLongestQuote ? text.substr(0, kLongestQuote) + "…" : text;
}

JsonEntry::JsonEntry(const json& value, std::string where) : value_(value), where_(std::move(where)) {}

void JsonEntry::refuse(const std::string& got, const std::string& expected) const {
  throw FormatError({.what = "a tokenizer file is damaged, or of a tokenizer that is not supported",
                     .where = where_,
                     .got = got,
                     .expected = expected,
                     .next_step = "use the tokenizer.json of CodeGen or of a model that shares its tokenizer"});
}

void JsonEntry::refuse(const std::string& expected) const { refuse(quote_json(value_), expected); }

void JsonEntry::check_keys(std::initializer_list<std::string_view> known) const {
  if (!value_.is_object()) refuse("an object");
  for (const auto& [key, ignored] : value_.get_ref<const json::object_t&>()) {
    if (std::ranges::find(known, key) == known.end()) refuse("the unknown key " + quote_json(key), "known keys");
  }
}

void JsonEntry::check(const char* key, std::initializer_list<json> wanted) const {
  if (!has(key) || std::ranges::find(wanted, value_.at(key)) != wanted.end()) return;
  at(key).refuse(wanted.begin()->dump());
}

bool JsonEntry::has(const char* key) const { return value_.contains(key) && !value_.at(key).is_null(); }

JsonEntry JsonEntry::at(const char* key) const {
  if (!value_.contains(key)) refuse("no \"" + std::string(key) + "\"", "one");
  return {value_.at(key), where_ + (where_.find(": ") == std::string::npos ? ": " : ".") + key};
}

JsonEntry JsonEntry::item(size_t i) const { return {value_.at(i), where_ + "[" + std::to_string(i) + "]"}; }

size_t JsonEntry::list_size() const {
  if (!value_.is_array()) refuse("a list");
  return value_.size();
}

const std::string& JsonEntry::text() const {
  if (!value_.is_string()) refuse("a text");
  return value_.get_ref<const std::string&>();
}

bool JsonEntry::flag() const {
  if (!value_.is_boolean()) refuse("true or false");
  return value_.get<bool>();
}

int32_t JsonEntry::id(size_t count) const {
  const bool is_id = value_.is_number_unsigned() && value_.get<uint64_t>() < count;
  if (!is_id) refuse("an id of 0 to " + std::to_string(count - 1));
  return static_cast<int32_t>(value_.get<uint64_t>());
}

}  // namespace physgen
