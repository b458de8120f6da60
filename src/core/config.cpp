#include "physgen/core/config.h"

#include <utility>

#include "core/config_file.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

using nlohmann::json;

ConfigError bad_assignment(const std::string& assignment, const std::string& expected) {
  return ConfigError({.what = "a config override cannot be applied",
                      .where = assignment,
                      .expected = expected,
                      .next_step = "write it as train.steps=100"});
}

json assigned_value(const std::string& text, const std::string& assignment) {
  if (!json::accept(text)) return text;  // a bare string
  return parse_config_file(text, assignment).root;
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

/// The place of a path; an object that is only the name of a file becomes one that includes it.
json& place_of(json& root, const std::string& path, const std::string& assignment) {
  json* at = &root;
  for (const std::string& key : split_path(path)) {
    if (key.empty()) throw bad_assignment(assignment, "a key before, between and after the dots");
    if (at->is_null()) *at = json::object();
    if (at->is_string()) *at = json::object({{"include", *at}});
    if (!at->is_object()) throw bad_assignment(assignment, "an object before ." + key);
    at = &(*at)[key];
  }
  return *at;
}

}  // namespace

ConfigDocument::ConfigDocument(std::shared_ptr<const ConfigFile> file) : file_(std::move(file)) {
  root().require_object();
}

ConfigDocument ConfigDocument::parse(const std::string& text, const std::string& source) {
  return ConfigDocument(std::make_shared<const ConfigFile>(parse_config_file(text, source)));
}

ConfigDocument ConfigDocument::compose(const std::string& path) {
  return ConfigDocument(std::make_shared<const ConfigFile>(read_config_file(path)));
}

ConfigDocument ConfigDocument::load(const std::string& path) {
  ConfigFile file = read_config_file(path);
  file.is_stored = true;
  return ConfigDocument(std::make_shared<const ConfigFile>(std::move(file)));
}

void ConfigDocument::set(const std::string& assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos) throw bad_assignment(assignment, "key=value");
  const std::string path = assignment.substr(0, equals);
  ConfigFile file = *file_;  // copies of this document keep theirs
  place_of(file.root, path, assignment) = assigned_value(assignment.substr(equals + 1), assignment);
  file.assigned.push_back(path);
  file.origins = std::make_shared<std::map<std::string, std::string>>(*file_->origins);
  file_ = std::make_shared<const ConfigFile>(std::move(file));
}

const std::vector<std::string>& ConfigDocument::notices() const { return *file_->notices; }

std::vector<ConfigOrigin> ConfigDocument::origins() const {
  std::vector<ConfigOrigin> origins;
  for (const auto& [setting, from] : *file_->origins) origins.push_back({setting, from});
  return origins;
}

ConfigValue ConfigDocument::root() const { return ConfigValue(file_, file_->root, "", ""); }

}  // namespace physgen
