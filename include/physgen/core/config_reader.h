#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <physgen/core/choice.h>
#include <physgen/core/config_value.h>
#include <physgen/core/suggestion.h>

namespace physgen {

struct AnyField;  // stands for readers and writers alike

/// A struct with a list of its fields.
template <class T>
concept Described = std::is_class_v<T> && requires(T& value, AnyField& field) {
  describe(value, field);
};

/// What a list of such values is a list of, for errors.
template <class T>
constexpr const char* plural_of() {
  if constexpr (std::same_as<T, int64_t>) return "integers";
  if constexpr (std::same_as<T, double>) return "numbers";
  if constexpr (std::same_as<T, std::string>) return "strings";
  if constexpr (Choosable<T>) return "names";
  if constexpr (Described<T>) return "objects";
  return "pairs";
}

/// Reads one JSON object into a struct, strictly: an unknown key (with a did-you-mean), a wrong type (1.7 or "3" for an
/// integer), an unknown enum text and a number out of range each throw ConfigError naming the file and the full path.
/// Keys that are absent keep the struct's value.
class ConfigReader {
 public:
  /// Throws ConfigError for another value than an object.
  explicit ConfigReader(ConfigValue object);

  /// Reads a field where the key is there: a number, text, an enum, a struct, or lists and optionals of them.
  template <class T>
  void operator()(const char* key, T& value, Range range = {}) {
    const auto found = find(key);
    if (!found) return;
    read_value(*found, value, range);
    if constexpr (!Described<T>) found->keep_origin();
  }

  /// A key that had another name, both as dotted paths below this struct; stands before the new key in the list of
  /// fields. The old one is read as the new, with a notice where a user wrote it. Throws ConfigError where a user wrote
  /// both.
  void renamed(const char* from, const char* to);

  /// Throws ConfigError when the object holds a key that was not asked for.
  void finish() const;

 private:
  std::optional<ConfigValue> find(const char* key);

  ConfigValue object_;
  std::vector<std::string> known_;
};

void read_value(const ConfigValue& from, bool& value, Range range);
void read_value(const ConfigValue& from, int64_t& value, Range range);
void read_value(const ConfigValue& from, double& value, Range range);
void read_value(const ConfigValue& from, std::string& value, Range range);
/// null or "" is none.
void read_value(const ConfigValue& from, std::optional<std::string>& value, Range range);

template <Choosable T>
void read_value(const ConfigValue& from, T& value, Range) {
  const std::vector<std::string> texts = texts_of<T>();
  const std::string text = from.text("one of " + comma_separated(texts));
  const std::optional<T> found = value_of<T>(text);
  if (!found) refuse_choice(text, texts, "a config value is none of the choices", from.where());
  value = *found;
}

/// Key by key over what is there; an object may name a file to begin from (see ConfigDocument).
template <Described T>
void read_value(const ConfigValue& from, T& value, Range) {
  for (const ConfigValue& layer : from.layers()) {
    ConfigReader reader(layer);
    describe(value, reader);
    reader.finish();
  }
}

/// null is none, as is `range.none`.
template <class T>
void read_value(const ConfigValue& from, std::optional<T>& value, Range range) {
  if (from.is_null() || (range.none && from.is_number(*range.none))) return value.reset();
  if (!value) value.emplace();
  read_value(from, *value, range);
}

/// In place of what is there.
template <class T>
void read_list(const ConfigValue& from, std::vector<T>& values, Range range) {
  values.clear();
  for (const ConfigValue& item : from.items(std::string("a list of ") + plural_of<T>())) {
    read_value(item, values.emplace_back(), range);
  }
}

template <class T>
void read_value(const ConfigValue& from, std::vector<T>& values, Range range) {
  read_list(from, values, range);
}

template <class T, size_t N>
void read_value(const ConfigValue& from, std::array<T, N>& values, Range range) {
  const std::string expected = "a list of " + std::to_string(N) + " " + plural_of<T>();
  const std::vector<ConfigValue> items = from.items(expected);
  if (items.size() != N) from.refuse(expected);
  for (size_t i = 0; i < N; ++i) read_value(items[i], values[i], range);
}

template <class T>
void read_value(const ConfigValue& from, std::pair<T, T>& value, Range range) {
  std::array<T, 2> both{};
  read_value(from, both, range);
  value = {both[0], both[1]};
}

/// A list of pairs; or, as earlier versions wrote it, the values of the pairs one after the other.
template <class T>
void read_value(const ConfigValue& from, std::vector<std::pair<T, T>>& pairs, Range range) {
  if (!from.begins_with_number()) return read_list(from, pairs, range);
  std::vector<T> values;
  read_list(from, values, range);
  if (values.size() % 2 != 0) from.refuse("a list of pairs");
  pairs.clear();
  for (size_t i = 0; i < values.size(); i += 2) pairs.emplace_back(values[i], values[i + 1]);
}

}  // namespace physgen
