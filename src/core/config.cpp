#include "physgen/core/config.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "core/strict_json.h"
#include "physgen/core/error.h"
#include "physgen/core/suggestion.h"

namespace physgen {
namespace {

using nlohmann::json;

constexpr size_t kLongestConfig = 16 << 20;  // bytes; a config.json may come with an untrusted checkpoint
constexpr size_t kMostListedChoices = 24;
constexpr size_t kLongestQuote = 80;

std::string place(const std::string& source, const std::string& path) {
  return path.empty() ? source : source + ": " + path;
}

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

std::string range_text(const std::string& noun, Range range) {
  const bool has_least = std::isfinite(range.least);
  const bool has_most = std::isfinite(range.most);
  if (has_least && has_most) return noun + " from " + number_text(range.least) + " to " + number_text(range.most);
  if (has_least) return noun + " of at least " + number_text(range.least);
  if (has_most) return noun + " of at most " + number_text(range.most);
  return noun;
}

json parse_config(const std::string& text, const std::string& source) {
  try {
    return parse_strict_json(text, source);
  } catch (const FormatError& error) {
    throw ConfigError(error.problem());
  }
}

[[noreturn]] void refuse(const std::string& source, const std::string& path, const json& value,
                         const std::string& expected) {
  throw ConfigError({.what = "a config value has the wrong type",
                     .where = place(source, path),
                     .got = quote(value),
                     .expected = expected});
}

void check_range(double value, const std::string& source, const std::string& path, const std::string& noun,
                 Range range) {
  if (value >= range.least && value <= range.most) return;
  throw ConfigError({.what = "a config value is out of range",
                     .where = place(source, path),
                     .got = number_text(value),
                     .expected = range_text(noun, range)});
}

const json& require_list(const json& value, const std::string& source, const std::string& path,
                         const std::string& expected) {
  if (!value.is_array()) refuse(source, path, value, expected);
  return value;
}

std::string item_path(const std::string& path, size_t index) { return path + "[" + std::to_string(index) + "]"; }

std::string read_text(const json& value, const std::string& source, const std::string& path) {
  if (!value.is_string()) refuse(source, path, value, "a string");
  return value.get<std::string>();
}

ConfigError bad_assignment(const std::string& assignment, const std::string& expected) {
  return ConfigError({.what = "a config override cannot be applied",
                      .where = assignment,
                      .expected = expected,
                      .next_step = "write it as train.steps=100"});
}

json assigned_value(const std::string& text, const std::string& assignment) {
  if (!json::accept(text)) return text;  // a bare string
  return parse_config(text, assignment);
}

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> keys(1);
  for (const char c : path) {
    if (c == '.') {
      keys.emplace_back();
    } else {
      keys.back() += c;
    }
  }
  return keys;
}

json::json_pointer pointer_to(const std::string& path) {
  json::json_pointer pointer;
  for (const std::string& key : split_path(path)) pointer /= key;
  return pointer;
}

}  // namespace

ConfigReader::ConfigReader(const json& object, std::string source, std::string path)
    : object_(object), source_(std::move(source)), path_(std::move(path)) {
  if (!object_.is_object()) refuse(source_, path_, object_, "an object");
}

void ConfigReader::operator()(const char* key, bool& value) {
  const json* found = find(key);
  if (!found) return;
  if (!found->is_boolean()) refuse(source_, path_of(key), *found, "true or false");
  value = found->get<bool>();
}

void ConfigReader::operator()(const char* key, int64_t& value, Range range) {
  if (const json* found = find(key)) value = read_integer(*found, path_of(key), range);
}

void ConfigReader::operator()(const char* key, double& value, Range range) {
  if (const json* found = find(key)) value = read_number(*found, path_of(key), range);
}

void ConfigReader::operator()(const char* key, std::string& value) {
  if (const json* found = find(key)) value = read_text(*found, source_, path_of(key));
}

void ConfigReader::operator()(const char* key, std::vector<int64_t>& values, Range range) {
  const json* found = find(key);
  if (!found) return;
  values.clear();
  for (const json& item : require_list(*found, source_, path_of(key), "a list of integers")) {
    values.push_back(read_integer(item, item_path(path_of(key), values.size()), range));
  }
}

void ConfigReader::operator()(const char* key, std::vector<double>& values, Range range) {
  const json* found = find(key);
  if (!found) return;
  values.clear();
  for (const json& item : require_list(*found, source_, path_of(key), "a list of numbers")) {
    values.push_back(read_number(item, item_path(path_of(key), values.size()), range));
  }
}

void ConfigReader::operator()(const char* key, std::vector<std::string>& values) {
  const json* found = find(key);
  if (!found) return;
  values.clear();
  for (const json& item : require_list(*found, source_, path_of(key), "a list of strings")) {
    values.push_back(read_text(item, source_, item_path(path_of(key), values.size())));
  }
}

void ConfigReader::finish() const {
  for (const auto& item : object_.items()) {
    const std::string& key = item.key();
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const bool few = known_.size() <= kMostListedChoices;
    throw ConfigError({.what = "a config key is unknown",
                       .where = place(source_, path_of(key)),
                       .got = "\"" + key + "\"",
                       .expected = few && !known_.empty() ? "one of " + comma_separated(known_) : "",
                       .next_step = suggestion(key, known_)});
  }
}

const json* ConfigReader::find(const char* key) {
  known_.emplace_back(key);
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

std::string ConfigReader::path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

size_t ConfigReader::read_choice(const char* key, std::span<const std::string_view> names, size_t fallback) {
  const json* found = find(key);
  if (!found) return fallback;
  if (!found->is_string()) {
    refuse(source_, path_of(key), *found, "one of " + comma_separated({names.begin(), names.end()}));
  }
  return choice_of(found->get<std::string>(), names, "a config value is none of the choices",
                   place(source_, path_of(key)));
}

int64_t ConfigReader::read_integer(const json& value, const std::string& path, Range range) const {
  if (!value.is_number_integer()) refuse(source_, path, value, range_text("an integer", range));
  const uint64_t most = std::numeric_limits<int64_t>::max();
  if (value.is_number_unsigned() && value.get<uint64_t>() > most) {
    throw ConfigError({.what = "a config value is out of range",
                       .where = place(source_, path),
                       .got = value.dump(),
                       .expected = "an integer of at most " + std::to_string(most)});
  }
  const int64_t integer = value.get<int64_t>();
  check_range(static_cast<double>(integer), source_, path, "an integer", range);
  return integer;
}

double ConfigReader::read_number(const json& value, const std::string& path, Range range) const {
  if (!value.is_number()) refuse(source_, path, value, range_text("a number", range));
  const double number = value.get<double>();
  check_range(number, source_, path, "a number", range);
  return number;
}

struct ConfigWriter::Object {
  nlohmann::ordered_json fields = nlohmann::ordered_json::object();
};

ConfigWriter::ConfigWriter() : object_(std::make_unique<Object>()) {}
ConfigWriter::~ConfigWriter() = default;

void ConfigWriter::operator()(const char* key, bool& value) { object_->fields[key] = value; }
void ConfigWriter::operator()(const char* key, int64_t& value, Range) { object_->fields[key] = value; }
void ConfigWriter::operator()(const char* key, double& value, Range) { object_->fields[key] = value; }
void ConfigWriter::operator()(const char* key, std::string& value) { object_->fields[key] = value; }
void ConfigWriter::operator()(const char* key, std::vector<int64_t>& values, Range) { object_->fields[key] = values; }
void ConfigWriter::operator()(const char* key, std::vector<double>& values, Range) { object_->fields[key] = values; }
void ConfigWriter::operator()(const char* key, std::vector<std::string>& values) { object_->fields[key] = values; }

std::string ConfigWriter::text() const { return object_->fields.dump(2); }

void ConfigWriter::add(const char* key, const ConfigWriter& child) { object_->fields[key] = child.object_->fields; }

ConfigDocument::ConfigDocument(std::shared_ptr<json> root, std::string source)
    : root_(std::move(root)), source_(std::move(source)) {}

ConfigDocument ConfigDocument::parse(const std::string& text, const std::string& source) {
  auto root = std::make_shared<json>(parse_config(text, source));
  if (!root->is_object()) refuse(source, "", *root, "one JSON object");
  return ConfigDocument(std::move(root), source);
}

ConfigDocument ConfigDocument::load(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kLongestConfig + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    throw ConfigError({.what = "a config file cannot be read", .where = path, .got = std::strerror(errno)});
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLongestConfig) {
    throw ConfigError({.what = "a config file is too large",
                       .where = path,
                       .expected = "at most " + std::to_string(kLongestConfig) + " bytes"});
  }
  return parse(text, path);
}

void ConfigDocument::set(const std::string& assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos) throw bad_assignment(assignment, "key=value");
  auto root = std::make_shared<json>(*root_);  // copies of this document keep theirs
  json* at = root.get();
  for (const std::string& key : split_path(assignment.substr(0, equals))) {
    if (key.empty()) throw bad_assignment(assignment, "a key before, between and after the dots");
    if (at->is_null()) *at = json::object();
    if (!at->is_object()) throw bad_assignment(assignment, "an object before ." + key);
    at = &(*at)[key];
  }
  *at = assigned_value(assignment.substr(equals + 1), assignment);
  root_ = std::move(root);
}

bool ConfigDocument::rename(const std::string& before, const std::string& now) {
  const json::json_pointer old = pointer_to(before), present = pointer_to(now);
  if (!root_->contains(old)) return false;
  if (root_->contains(present)) {
    throw ConfigError({.what = "a config key stands under its old and its new name",
                       .where = place(source_, before),
                       .expected = now + " alone"});
  }
  auto root = std::make_shared<json>(*root_);  // copies of this document keep theirs
  json& holder = root->at(old.parent_pointer());
  (*root)[present] = holder.at(old.back());
  root->at(old.parent_pointer()).erase(old.back());
  if (!old.parent_pointer().empty() && root->at(old.parent_pointer()).empty()) {
    root->at(old.parent_pointer().parent_pointer()).erase(old.parent_pointer().back());
  }
  root_ = std::move(root);
  return true;
}

}  // namespace physgen
