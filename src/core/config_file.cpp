#include "core/config_file.h"

#include <filesystem>
#include <utility>

#include "core/json_file.h"
#include "core/strict_json.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestChain = 8;

/// The files that led to this one, itself last.
std::vector<const ConfigFile*> chain_of(const ConfigFile& file) {
  std::vector<const ConfigFile*> chain;
  for (const ConfigFile* at = &file; at != nullptr; at = at->included_by.get()) chain.insert(chain.begin(), at);
  return chain;
}

/// "run.json: model -> base.json: backbone"
std::string places_of(const ConfigFile& file) {
  std::string text = file.included_at;
  for (const ConfigFile* at = file.included_by.get(); at != nullptr && at->included_by; at = at->included_by.get()) {
    text = at->included_at + " -> " + text;
  }
  return text;
}

bool is_same(const std::string& a, const std::string& b) {
  std::error_code ignored;  // of a file that is not there
  return fs::equivalent(a, b, ignored);
}

void refuse_circle(const ConfigFile& file) {
  std::string names;
  bool is_circle = false;
  const std::vector<const ConfigFile*> chain = chain_of(file);
  for (const ConfigFile* at : chain) {
    names += (names.empty() ? "" : " -> ") + at->name;
    is_circle = is_circle || (at != &file && is_same(at->name, file.name));
  }
  if (!is_circle && chain.size() <= kLongestChain) return;
  throw ConfigError({.what = is_circle ? "a config file includes itself" : "config files include each other too deeply",
                     .where = file.included_at,
                     .got = names,
                     .expected = is_circle ? "each file once" : std::to_string(kLongestChain) + " files at most"});
}

}  // namespace

ConfigFile parse_config_file(const std::string& text, const std::string& name) {
  try {
    return {.root = parse_strict_json(text, name), .name = name};
  } catch (const FormatError& error) {
    throw ConfigError(error.problem());
  }
}

ConfigFile read_config_file(const std::string& path) {
  try {
    std::string text = read_json_text(path, {.missing = "a config file cannot be read"});
    ConfigFile file = parse_config_file(text, path);
    file.text = std::move(text);
    return file;
  } catch (const FormatError& error) {
    throw ConfigError(error.problem());
  }
}

std::shared_ptr<const ConfigFile> include_config_file(const std::string& path, const std::string& place,
                                                      const std::shared_ptr<const ConfigFile>& included_by) {
  ConfigFile file{.name = path,
                  .included_by = included_by,
                  .included_at = place,
                  .notices = included_by->notices,
                  .origins = included_by->origins};
  refuse_circle(file);
  try {
    ConfigFile read = read_config_file(path);
    file.root = std::move(read.root);
    file.text = std::move(read.text);
  } catch (const ConfigError& error) {
    Problem problem = error.problem();
    problem.next_step = "it is included at " + places_of(file) + "; a path is relative to the file that names it";
    throw ConfigError(problem);
  }
  return std::make_shared<const ConfigFile>(std::move(file));
}

}  // namespace physgen
