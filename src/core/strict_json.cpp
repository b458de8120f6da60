#include "core/strict_json.h"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/json_text.h"
#include "core/quote.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

using nlohmann::json;

constexpr size_t kDeepestNesting = 64;  // copying and printing a value take stack for each level

/// The library's text is "[json.exception.…] parse error at line 1, column 2: syntax error while …".
std::string reason_of(const std::string& text) {
  const std::string mark = "parse error at ";
  const size_t begin = text.find(mark);
  return text.substr(begin == std::string::npos ? text.find("] ") + 2 : text.find(": ", begin) + 2);
}

/// Builds the value of a text. Of the library's own builders one lets duplicate keys pass, and the other, which tells a
/// callback of keys, looks through a whole list after each object in it.
template <class Json>
class ValueBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit ValueBuilder(const JsonText& text) : text_(text) {}

  Json take_value() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(json::number_integer_t value) override { return add(value); }
  bool number_unsigned(json::number_unsigned_t value) override { return add(value); }
  bool number_float(json::number_float_t value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(value); }  // a copy: the buffer may be far larger
  bool binary(json::binary_t&) override { return false; }          // not in a text

  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
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
    throw FormatError({.what = "a file is not valid JSON", .where = text_.column(), .got = reason_of(error.what())});
  }

 private:
  /// A list or an object that is not closed yet. It stays where it is: nothing is added to those around it meanwhile.
  struct Level {
    Json* value = nullptr;
    Json::iterator member = {};  ///< of an object: the latest key, and the place of its value
  };

  void check_depth() const {
    if (open_.size() <= kDeepestNesting) return;
    throw FormatError({.what = "a JSON value is nested too deeply",
                       .where = text_.line(),
                       .expected = "at most " + std::to_string(kDeepestNesting) + " levels"});
  }

  Json& place(Json value) {
    check_depth();
    if (open_.empty()) return root_ = std::move(value);
    if (open_.back().value->is_array()) return open_.back().value->emplace_back(std::move(value));
    return *open_.back().member = std::move(value);
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json value) {
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
      if (level.value->is_object()) {
        append_key(path, level.member.key());
      } else {
        append_index(path, level.value->size() - 1);
      }
    }
    throw FormatError({.what = "a JSON key stands twice in one object",
                       .where = text_.line() + ": " + path,
                       .got = quote(open_.back().member.key()) + " a second time",
                       .expected = "each key once"});
  }

  const JsonText& text_;
  Json root_;
  std::vector<Level> open_;
};

template <class Json>
Json parse(const std::string& text, const std::string& source, size_t first_line) {
  JsonText parsed(text, source, first_line);
  // The JSON library takes a zero byte for the end of its input.
  if (const size_t zero = text.find('\0'); zero != text.npos) {
    throw FormatError({.what = "a JSON text holds a zero byte", .where = source + ", byte " + std::to_string(zero)});
  }
  ValueBuilder<Json> builder(parsed);
  parsed.tell(builder);
  return builder.take_value();
}

}  // namespace

json parse_strict_json(const std::string& text, const std::string& source, size_t first_line) {
  return parse<json>(text, source, first_line);
}

nlohmann::ordered_json parse_ordered_json(const std::string& text, const std::string& source) {
  return parse<nlohmann::ordered_json>(text, source, 1);
}

}  // namespace physgen
