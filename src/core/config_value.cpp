#include "physgen/core/config_value.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <utility>

#include "core/config_file.h"
#include "core/json_view.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

using nlohmann::json;

constexpr size_t kLongestQuote = 80;
constexpr const char* kInclude = "include";

std::string quote(const json& value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > kLongestQuote) text = text.substr(0, kLongestQuote) + "…";
  return text + " (" + value.type_name() + ")";
}

std::string number_text(double value) {
  std::ostringstream text;
  text.precision(17);
  text << value;
  return text.str();
}

std::string range_text(const std::string& noun, const Range& range) {
  const bool has_least = std::isfinite(range.least);
  const bool has_most = std::isfinite(range.most);
  if (has_least && has_most) return noun + " from " + number_text(range.least) + " to " + number_text(range.most);
  if (has_least) return noun + " of at least " + number_text(range.least);
  if (has_most) return noun + " of at most " + number_text(range.most);
  return noun;
}

[[noreturn]] void refuse_range(const std::string& where, const std::string& got, const std::string& expected) {
  throw ConfigError({.what = "a config value is out of range", .where = where, .got = got, .expected = expected});
}

/// "a.b.c" -> "a", "b.c"
std::pair<std::string, std::string> split_first(const std::string& path) {
  const size_t dot = path.find('.');
  return {path.substr(0, dot), dot == path.npos ? "" : path.substr(dot + 1)};
}

std::string below(const std::string& path, const std::string& key) { return path.empty() ? key : path + "." + key; }

bool is_at_or_below(const std::string& path, const std::string& top) {
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '.' || path[top.size()] == '[');
}

/// The file itself, or what was set after it was read.
std::string source_of(const ConfigFile& file, const std::string& path) {
  const bool is_assigned =
      std::ranges::any_of(file.assigned, [&](const std::string& assigned) { return is_at_or_below(path, assigned); });
  return is_assigned ? "--set" : file.name;
}

/// "file, line 3: a.b[2]" of a path; the line of the object around it where a key is not in the text as it is.
std::string place_in(JsonView view, const std::string& path) {
  std::string rest = path;
  while (!rest.empty() && view.value().is_object()) {
    const auto [key, behind] = split_first(rest);
    const std::string name = key.substr(0, key.find('['));
    if (!view.value().contains(name)) break;
    if (view.value().at(name).is_null()) break;
    view = view.at(name);
    rest = behind;
    for (size_t bracket = key.find('['); bracket != key.npos; bracket = key.find('[', bracket + 1)) {
      const size_t index = std::stoul(key.substr(bracket + 1));
      if (view.value().is_array() && index < view.value().size()) view = view.items()[index];
    }
  }
  const std::string found = view.where();
  return found.substr(0, found.find(": ", found.find(", line "))) + (path.empty() ? "" : ": " + path);
}

/// Takes the value at a path out of an object, and the objects that this leaves empty.
json take(json& object, const std::string& path) {
  const auto [key, rest] = split_first(path);
  json taken = rest.empty() ? std::move(object[key]) : take(object[key], rest);
  if (rest.empty() || object[key].empty()) object.erase(key);
  return taken;
}

/// Puts it at a path, unless something stands there or on the way.
void put(json& object, const std::string& path, json value) {
  if (!object.is_null() && !object.is_object()) return;
  const auto [key, rest] = split_first(path);
  if (!rest.empty()) return put(object[key], rest, std::move(value));
  if (!object.contains(key)) object[key] = std::move(value);
}

}  // namespace

ConfigValue::ConfigValue(std::shared_ptr<const ConfigFile> file, const json& value, std::string path, std::string place)
    : file_(std::move(file)), value_(&value), path_(std::move(path)), place_(std::move(place)) {}

bool ConfigValue::is_null() const { return value_->is_null(); }
bool ConfigValue::begins_with_number() const {
  return value_->is_array() && !value_->empty() && value_->front().is_number();
}
bool ConfigValue::is_number(double number) const { return value_->is_number() && value_->get<double>() == number; }

bool ConfigValue::boolean() const {
  if (!value_->is_boolean()) refuse("true or false");
  return value_->get<bool>();
}

int64_t ConfigValue::integer(Range range) const {
  const std::string expected = range_text("an integer", range);
  if (!value_->is_number_integer()) refuse(expected);
  const uint64_t most = std::numeric_limits<int64_t>::max();
  if (value_->is_number_unsigned() && value_->get<uint64_t>() > most) {
    refuse_range(where(), value_->dump(), "an integer of at most " + std::to_string(most));
  }
  const auto number = static_cast<double>(value_->get<int64_t>());
  if (!(number >= range.least && number <= range.most)) refuse_range(where(), number_text(number), expected);
  return value_->get<int64_t>();
}

double ConfigValue::number(Range range) const {
  const std::string expected = range_text("a number", range);
  if (!value_->is_number()) refuse(expected);
  const double number = value_->get<double>();
  if (!(number >= range.least && number <= range.most)) refuse_range(where(), number_text(number), expected);
  return number;
}

std::string ConfigValue::text(const std::string& expected) const {
  if (!value_->is_string()) refuse(expected);
  return value_->get<std::string>();
}

std::vector<ConfigValue> ConfigValue::items(const std::string& expected) const {
  if (!value_->is_array()) refuse(expected);
  std::vector<ConfigValue> items;
  for (const json& item : *value_) {
    const std::string index = "[" + std::to_string(items.size()) + "]";
    items.emplace_back(file_, item, path_ + index, place_ + index);
  }
  return items;
}

void ConfigValue::require_object() const {
  if (value_->is_object()) return;
  if (path_.empty()) refuse("one JSON object");
  refuse(is_stored() ? "an object" : "an object, or the path of a file that holds one");
}

std::optional<ConfigValue> ConfigValue::find(const std::string& key) const {
  const auto found = value_->find(key);
  if (found == value_->end()) return {};
  return ConfigValue(file_, *found, path_of(key), below(place_, key));
}

std::vector<std::string> ConfigValue::keys() const {
  std::vector<std::string> keys;
  for (const auto& item : value_->items()) {
    if (is_stored() || item.key() != kInclude) keys.push_back(item.key());
  }
  return keys;
}

std::optional<ConfigValue> ConfigValue::find_path(const std::string& path) const {
  const auto [key, rest] = split_first(path);
  const std::optional<ConfigValue> child = find(key);
  return child && !rest.empty() ? child->find_path(rest) : child;
}

ConfigValue ConfigValue::moved(const std::string& from, const std::string& to) const {
  ConfigFile file = *file_;
  file.root = *value_;
  json value = take(file.root, from);
  put(file.root, to, std::move(value));
  const auto kept = std::make_shared<const ConfigFile>(std::move(file));
  return ConfigValue(kept, kept->root, path_, place_);
}

std::vector<ConfigValue> ConfigValue::layers() const {
  const bool is_name = value_->is_string();
  const std::optional<ConfigValue> name = is_name ? *this : find(kInclude);
  std::vector<ConfigValue> layers;
  if (name && !is_stored()) {
    const std::filesystem::path folder = std::filesystem::path(source_of(*file_, name->path_)).parent_path();
    const std::string path = (folder / name->text("the path of a config file")).lexically_normal().string();
    const auto file = include_config_file(path, name->where(), file_);
    layers = ConfigValue(file, file->root, "", place_).layers();
    if (is_name) return layers;
  }
  layers.push_back(*this);
  return layers;
}

void ConfigValue::notice(const std::string& text) const {
  std::vector<std::string>& all = *file_->notices;
  if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(text);
}

void ConfigValue::keep_origin() const {
  if (!is_stored()) (*file_->origins)[place_] = where();
}

bool ConfigValue::is_stored() const { return file_->is_stored; }

std::string ConfigValue::where(const std::string& key) const {
  const std::string path = key.empty() ? path_ : path_of(key);
  const std::string source = source_of(*file_, path);
  if (source == file_->name && !file_->text.empty()) return place_in(parse_json(file_->text, source), path);
  return path.empty() ? source : source + ": " + path;
}

void ConfigValue::refuse(const std::string& expected) const {
  throw ConfigError(
      {.what = "a config value has the wrong type", .where = where(), .got = quote(*value_), .expected = expected});
}

std::string ConfigValue::path_of(const std::string& key) const { return below(path_, key); }

}  // namespace physgen
