#include "physgen/core/config_reader.h"

#include <algorithm>
#include <utility>

#include "physgen/core/error.h"
#include "physgen/core/suggestion.h"

namespace physgen {
namespace {

constexpr size_t kMostListedChoices = 24;

}  // namespace

ConfigReader::ConfigReader(ConfigValue object) : object_(std::move(object)) { object_.require_object(); }

void ConfigReader::renamed(const char* from, const char* to) {
  const std::optional<ConfigValue> old = object_.find_path(from);
  if (!old) return;
  if (!object_.is_stored()) {
    if (object_.find_path(to)) {
      throw ConfigError({.what = "a config key is given twice, by the name that it had before too",
                         .where = old->where(),
                         .next_step = "keep " + object_.path_of(to)});
    }
    object_.notice(old->where() + " is read as " + object_.path_of(to) + ", its new name: write that");
  }
  object_ = object_.moved(from, to);
}

void ConfigReader::finish() const {
  for (const std::string& key : object_.keys()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const bool few = known_.size() <= kMostListedChoices;
    throw ConfigError({.what = "a config key is unknown",
                       .where = object_.where(key),
                       .got = "\"" + key + "\"",
                       .expected = few && !known_.empty() ? "one of " + comma_separated(known_) : "",
                       .next_step = suggestion(key, known_)});
  }
}

std::optional<ConfigValue> ConfigReader::find(const char* key) {
  known_.emplace_back(key);
  return object_.find(key);
}

void read_value(const ConfigValue& from, bool& value, Range) { value = from.boolean(); }
void read_value(const ConfigValue& from, int64_t& value, Range range) { value = from.integer(range); }
void read_value(const ConfigValue& from, double& value, Range range) { value = from.number(range); }
void read_value(const ConfigValue& from, std::string& value, Range) { value = from.text(); }

void read_value(const ConfigValue& from, std::optional<std::string>& value, Range) {
  value = from.is_null() ? std::nullopt : std::optional(from.text("a string or null"));
  if (value && value->empty()) value.reset();
}

}  // namespace physgen
