#include "core/strict_json.h"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "physgen/core/error.h"

namespace physgen {
namespace {

using nlohmann::json;

constexpr size_t kDeepestNesting = 64;  // copying and printing a value take stack for each level

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

/// Builds the value of a text. Of the library's own builders one lets duplicate keys pass, and the other, which tells a
/// callback of keys, looks through a whole list after each object in it.
class ValueBuilder final : public nlohmann::json_sax<json> {
 public:
  explicit ValueBuilder(const std::string& source) : source_(source) {}

  json take_value() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(json::number_integer_t value) override { return add(value); }
  bool number_unsigned(json::number_unsigned_t value) override { return add(value); }
  bool number_float(json::number_float_t value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(value); }  // a copy: the buffer may be far larger
  bool binary(json::binary_t&) override { return false; }          // not in a text

  bool start_object(size_t) override { return open(json::object()); }
  bool start_array(size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& key) override {
    check_depth();
    Level& level = open_.back();
    bool is_new = false;
    std::tie(level.member, is_new) = level.value->emplace(key, nullptr);
    if (!is_new) refuse_duplicate();
    return true;
  }

  bool parse_error(size_t, const std::string&, const json::exception& error) override {
    throw syntax_error(error.what(), source_);
  }

 private:
  /// A list or an object that is not closed yet. It stays where it is: nothing is added to those around it meanwhile.
  struct Level {
    json* value = nullptr;
    json::iterator member = {};  ///< of an object: the latest key, and the place of its value
  };

  void check_depth() const {
    if (open_.size() > kDeepestNesting) throw too_deep(source_);
  }

  json& place(json value) {
    check_depth();
    if (open_.empty()) return root_ = std::move(value);
    if (open_.back().value->is_array()) return open_.back().value->emplace_back(std::move(value));
    return *open_.back().member = std::move(value);
  }

  bool add(json value) {
    place(std::move(value));
    return true;
  }

  bool open(json value) {
    open_.push_back({.value = &place(std::move(value))});
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  [[noreturn]] void refuse_duplicate() const {
    std::string path;
    for (const Level& level : open_) {
      if (level.value->is_object()) path += (path.empty() ? "" : ".") + level.member.key();
    }
    throw FormatError({.what = "a JSON key stands twice in one object",
                       .where = source_ + ": " + path,
                       .got = "\"" + open_.back().member.key() + "\" a second time",
                       .expected = "each key once"});
  }

  const std::string& source_;
  json root_;
  std::vector<Level> open_;
};

}  // namespace

json parse_strict_json(const std::string& text, const std::string& source) {
  // The JSON library takes a zero byte for the end of its input.
  if (text.find('\0') != text.npos) throw FormatError({.what = "a JSON text holds a zero byte", .where = source});
  ValueBuilder builder(source);
  json::sax_parse(text, &builder);
  return builder.take_value();
}

}  // namespace physgen
