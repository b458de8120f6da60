#include "core/json_view.h"

#include <algorithm>

#include "core/json_text.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

using nlohmann::json;

/// Follows a text through its value until the one that is looked for, and stops there.
class PlaceFinder final : public nlohmann::json_sax<json> {
 public:
  PlaceFinder(const json& root, const json& wanted) : root_(root), wanted_(wanted) {}

  /// "key.key[index]"
  std::string path() const {
    std::string path;
    for (const Level& level : open_) {
      if (level.value->is_object()) {
        append_key(path, level.key);
      } else {
        append_index(path, level.count - 1);
      }
    }
    return path;
  }

  bool null() override { return pass(); }
  bool boolean(bool) override { return pass(); }
  bool number_integer(json::number_integer_t) override { return pass(); }
  bool number_unsigned(json::number_unsigned_t) override { return pass(); }
  bool number_float(json::number_float_t, const std::string&) override { return pass(); }
  bool string(std::string&) override { return pass(); }
  bool binary(json::binary_t&) override { return pass(); }

  bool start_object(size_t) override { return enter(); }
  bool start_array(size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }

  bool key(std::string& key) override {
    open_.back().key = key;
    return true;
  }
  bool parse_error(size_t, const std::string&, const json::exception&) override { return false; }

 private:
  struct Level {
    const json* value = nullptr;
    size_t count = 0;  ///< of a list: the items so far
    std::string key = {};
  };

  const json& next() {
    if (open_.empty()) return root_;
    Level& level = open_.back();
    return level.value->is_array() ? level.value->at(level.count++) : level.value->at(level.key);
  }

  bool pass() { return &next() != &wanted_; }

  bool enter() {
    const json& value = next();
    if (&value == &wanted_) return false;
    open_.push_back({.value = &value});
    return true;
  }

  bool leave() {
    open_.pop_back();
    return true;
  }

  const json& root_;
  const json& wanted_;
  std::vector<Level> open_;
};

std::string choices_of(std::initializer_list<json> wanted) {
  std::string text;
  for (const json& value : wanted) text += (text.empty() ? "" : " or ") + quote_json(value);
  return text;
}

template <class Number>
std::string range_text(const std::string& noun, Number least, Number most) {
  using Limits = std::numeric_limits<Number>;
  const bool has_least = least != Limits::lowest(), has_most = most != Limits::max();
  if (has_least && has_most) return noun + " from " + json(least).dump() + " to " + json(most).dump();
  if (has_least) return noun + " of at least " + json(least).dump();
  return has_most ? noun + " of at most " + json(most).dump() : noun;
}

json parse_with(const std::string& text, const std::string& source, const JsonWords& words, size_t first_line) {
  try {
    return parse_strict_json(text, source, first_line);
  } catch (const FormatError& error) {
    Problem problem = error.problem();
    problem.next_step = words.next_step;
    throw FormatError(problem);
  }
}

}  // namespace

struct JsonView::Document {
  std::string text;
  std::string source;
  JsonWords words;
  size_t first_line;
  json root;
};

JsonView::JsonView(std::shared_ptr<const Document> document, const json& value)
    : document_(std::move(document)), value_(&value) {}

std::string JsonView::where() const {
  JsonText text(document_->text, document_->source, document_->first_line);
  PlaceFinder finder(document_->root, *value_);
  text.tell(finder);
  const std::string path = finder.path();
  return text.line() + (path.empty() ? "" : ": " + path);
}

void JsonView::refuse_at(const std::string& where, const std::string& got, const std::string& expected) const {
  throw FormatError({.what = document_->words.damaged,
                     .where = where,
                     .got = got,
                     .expected = expected,
                     .next_step = document_->words.next_step});
}

void JsonView::refuse(const std::string& got, const std::string& expected) const { refuse_at(where(), got, expected); }

void JsonView::refuse(const std::string& expected) const { refuse(quote_json(*value_), expected); }

void JsonView::refuse_member(const std::string& key, const std::string& got, const std::string& expected) const {
  if (!value_->is_object()) refuse("an object");
  if (value_->contains(key)) view_of(value_->at(key)).refuse(got, expected);
  const std::string place = where();
  const bool is_root = value_ == &document_->root;
  refuse_at(place + (is_root ? ": " : ".") + escaped(key), got, expected);
}

bool JsonView::has(const std::string& key) const {
  if (!value_->is_object()) refuse("an object");
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

JsonView JsonView::at(const std::string& key) const {
  if (!has(key)) refuse_member(key, "nothing", "a value");
  return view_of(value_->at(key));
}

std::vector<std::pair<std::string_view, JsonView>> JsonView::members() const {
  if (!value_->is_object()) refuse("an object");
  std::vector<std::pair<std::string_view, JsonView>> members;
  members.reserve(value_->size());
  for (const auto& [key, value] : value_->get_ref<const json::object_t&>()) members.emplace_back(key, view_of(value));
  return members;
}

std::vector<JsonView> JsonView::items() const {
  if (!value_->is_array()) refuse("a list");
  std::vector<JsonView> items;
  items.reserve(value_->size());
  for (const json& item : *value_) items.push_back(view_of(item));
  return items;
}

bool JsonView::flag() const {
  if (!value_->is_boolean()) refuse("true or false");
  return value_->get<bool>();
}

const std::string& JsonView::text() const {
  if (!value_->is_string()) refuse("a text");
  return value_->get_ref<const std::string&>();
}

int64_t JsonView::integer(int64_t least, int64_t most) const {
  const bool fits =
      value_->is_number_integer() && (!value_->is_number_unsigned() || std::in_range<int64_t>(value_->get<uint64_t>()));
  const int64_t number = fits ? value_->get<int64_t>() : 0;
  if (!fits || number < least || number > most) refuse(range_text("an integer", least, most));
  return number;
}

double JsonView::number(double least, double most) const {
  const double number = value_->is_number() ? value_->get<double>() : 0;
  if (!value_->is_number() || number < least || number > most) refuse(range_text("a number", least, most));
  return number;
}

std::vector<std::string> JsonView::texts() const {
  std::vector<std::string> texts;
  for (const JsonView& item : items()) texts.push_back(item.text());
  return texts;
}

std::vector<int64_t> JsonView::integers(int64_t least, int64_t most) const {
  std::vector<int64_t> numbers;
  for (const JsonView& item : items()) numbers.push_back(item.integer(least, most));
  return numbers;
}

std::pair<int64_t, int64_t> JsonView::range() const {
  const std::vector<int64_t> ends = integers();
  if (ends.size() != 2 || ends[0] > ends[1]) refuse("[first, last], two integers");
  return {ends[0], ends[1]};
}

bool JsonView::flag_or(const std::string& key, bool fallback) const { return has(key) ? at(key).flag() : fallback; }

std::string JsonView::text_or(const std::string& key, const std::string& fallback) const {
  return has(key) ? at(key).text() : fallback;
}

int64_t JsonView::integer_or(const std::string& key, int64_t fallback, int64_t least, int64_t most) const {
  return has(key) ? at(key).integer(least, most) : fallback;
}

double JsonView::number_or(const std::string& key, double fallback, double least, double most) const {
  return has(key) ? at(key).number(least, most) : fallback;
}

void JsonView::require(std::initializer_list<json> wanted) const {
  if (std::ranges::find(wanted, *value_) == wanted.end()) refuse(choices_of(wanted));
}

void JsonView::require_if_there(const std::string& key, std::initializer_list<json> wanted) const {
  if (has(key)) at(key).require(wanted);
}

void JsonView::require_keys(std::initializer_list<std::string_view> known) const {
  for (const auto& [key, member] : members()) {
    if (std::ranges::find(known, key) == known.end()) member.refuse("the unknown key " + quote(key), "known keys");
  }
}

JsonView parse_json(std::string text, std::string source, const JsonWords& words, size_t first_line) {
  json root = parse_with(text, source, words, first_line);
  auto document = std::make_shared<const JsonView::Document>(
      JsonView::Document{std::move(text), std::move(source), words, first_line, std::move(root)});
  return {document, document->root};
}

}  // namespace physgen
