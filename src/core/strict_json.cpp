#include "core/strict_json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "physgen/core/error.h"

namespace physgen {
namespace {

using nlohmann::json;

constexpr int kDeepestNesting = 64;  // copying and printing a value take stack for each level

/// Refuses a key that an object holds twice, which the JSON library lets pass.
class DuplicateKeys {
 public:
  explicit DuplicateKeys(const std::string& source) : source_(source) {}

  void see(json::parse_event_t event, const json& value) {
    if (event == json::parse_event_t::object_start) open_.emplace_back();
    if (event == json::parse_event_t::object_end) open_.pop_back();
    if (event == json::parse_event_t::key) enter(value.get<std::string>());
  }

 private:
  struct Object {
    std::set<std::string> keys;
    std::string current;
  };

  void enter(const std::string& key) {
    open_.back().current = key;
    if (open_.back().keys.insert(key).second) return;
    std::string path;
    for (const Object& object : open_) path += (path.empty() ? "" : ".") + object.current;
    throw FormatError({.what = "a JSON key stands twice in one object",
                       .where = source_ + ": " + path,
                       .got = "\"" + key + "\" a second time",
                       .expected = "each key once"});
  }

  const std::string& source_;
  std::vector<Object> open_;
};

/// The library's text is "[json.exception.…] parse error at line 1, column 2: syntax error while …".
FormatError syntax_error(const std::string& text, const std::string& source) {
  const std::string mark = "parse error at ";
  const size_t begin = text.find(mark);
  const size_t colon = begin == std::string::npos ? begin : text.find(": ", begin);
  const bool placed = colon != std::string::npos;
  const std::string position = placed ? ": " + text.substr(begin + mark.size(), colon - begin - mark.size()) : "";
  return FormatError({.what = "a file is not valid JSON",
                      .where = source + position,
                      .got = text.substr(placed ? colon + 2 : text.find("] ") + 2)});
}

FormatError too_deep(const std::string& source) {
  return FormatError({.what = "a JSON value is nested too deeply",
                      .where = source,
                      .expected = "at most " + std::to_string(kDeepestNesting) + " levels"});
}

}  // namespace

json parse_strict_json(const std::string& text, const std::string& source) {
  // The JSON library takes a zero byte for the end of its input.
  if (text.find('\0') != text.npos) throw FormatError({.what = "a JSON text holds a zero byte", .where = source});
  DuplicateKeys duplicates(source);
  const auto see = [&](int depth, json::parse_event_t event, const json& value) {
    if (depth > kDeepestNesting) throw too_deep(source);
    duplicates.see(event, value);
    return true;
  };
  try {
    return json::parse(text, see);
  } catch (const json::exception& error) {
    throw syntax_error(error.what(), source);
  }
}

}  // namespace physgen
