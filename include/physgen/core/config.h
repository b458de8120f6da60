#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// A config is a plain struct with defaults. Its one list of fields stands beside it:
//
//   struct AdamConfig { double learning_rate = 1e-4; std::vector<double> betas = {0.9, 0.95}; };
//   template <class Field> void describe(AdamConfig& config, Field& field) {
//     field("learning_rate", config.learning_rate, {.least = 0});
//     field("betas", config.betas, {.least = 0, .most = 1});
//   }
//
// An enum gives its texts in declaration order, found by argument-dependent lookup:
//
//   enum class Position { absolute, rope };
//   inline std::span<const std::string_view> names_of(Position) { static constexpr std::string_view names[] = …; return
//   names; }

namespace physgen {

/// Bounds, both inclusive, of a number (or of each number of a list).
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
};

template <class T>
concept ConfigEnum = std::is_enum_v<T>;

template <class T>
concept ConfigStruct = std::is_class_v<T> && !requires(T value) {
  value.begin();
};

/// Reads one JSON object into a struct, strictly: an unknown key (with a did-you-mean), a wrong type (1.7 or "3" for an
/// integer), an unknown enum text and a number out of range each throw ConfigError naming the file and the full path.
/// Keys that are absent keep the struct's default.
class ConfigReader {
 public:
  /// `source` names the file in errors; `path` is the dotted path of `object` inside it ("" at the top).
  ConfigReader(const nlohmann::json& object, std::string source, std::string path);

  void operator()(const char* key, bool& value);
  void operator()(const char* key, int64_t& value, Range range = {});
  void operator()(const char* key, double& value, Range range = {});
  void operator()(const char* key, std::string& value);
  void operator()(const char* key, std::vector<int64_t>& values, Range range = {});
  void operator()(const char* key, std::vector<double>& values, Range range = {});
  void operator()(const char* key, std::vector<std::string>& values);

  template <ConfigEnum T>
  void operator()(const char* key, T& value) {
    value = static_cast<T>(read_choice(key, names_of(T{}), static_cast<size_t>(value)));
  }

  template <ConfigStruct T>
  void operator()(const char* key, T& value) {
    if (const nlohmann::json* child = find(key)) {
      ConfigReader reader(*child, source_, path_of(key));
      describe(value, reader);
      reader.finish();
    }
  }

  /// Throws ConfigError when the object holds a key that was not asked for.
  void finish() const;

 private:
  const nlohmann::json* find(const char* key);
  std::string path_of(const std::string& key) const;
  size_t read_choice(const char* key, std::span<const std::string_view> names, size_t fallback);
  int64_t read_integer(const nlohmann::json& value, const std::string& path, Range range) const;
  double read_number(const nlohmann::json& value, const std::string& path, Range range) const;

  const nlohmann::json& object_;
  std::string source_;
  std::string path_;
  std::vector<std::string> known_;
};

/// Writes a struct as JSON through the same list of fields.
class ConfigWriter {
 public:
  ConfigWriter();
  ~ConfigWriter();

  void operator()(const char* key, bool& value);
  void operator()(const char* key, int64_t& value, Range range = {});
  void operator()(const char* key, double& value, Range range = {});
  void operator()(const char* key, std::string& value);
  void operator()(const char* key, std::vector<int64_t>& values, Range range = {});
  void operator()(const char* key, std::vector<double>& values, Range range = {});
  void operator()(const char* key, std::vector<std::string>& values);

  template <ConfigEnum T>
  void operator()(const char* key, T& value) {
    std::string text(names_of(T{})[static_cast<size_t>(value)]);
    (*this)(key, text);
  }

  template <ConfigStruct T>
  void operator()(const char* key, T& value) {
    ConfigWriter child;
    describe(value, child);
    add(key, child);
  }

  /// The object so far, keys in the order of the list, as text indented by two spaces.
  std::string text() const;

 private:
  void add(const char* key, const ConfigWriter& child);

  struct Object;  // an ordered JSON object
  std::unique_ptr<Object> object_;
};

/// A config file in memory: JSON, each key once.
class ConfigDocument {
 public:
  /// Throws ConfigError for a duplicate key and for text that is not one JSON object (with line and column).
  /// @param source  the name of the file, for errors
  static ConfigDocument parse(const std::string& text, const std::string& source);
  /// Throws ConfigError when the file does not exist or cannot be read, and as `parse` does.
  static ConfigDocument load(const std::string& path);

  /// Applies "a.b=c" as if it stood in the file; c is JSON, or else a bare string. Throws ConfigError on another form.
  void set(const std::string& assignment);

  /// Moves the value of a key of earlier versions to its present name. Throws ConfigError where both are there.
  /// @param before, now  paths as "a.b"
  /// @return whether the key was there
  bool rename(const std::string& before, const std::string& now);

  /// The struct: `config`'s values, replaced by those of the document. Throws ConfigError as ConfigReader does.
  template <class Config>
  Config read(Config config = {}) const {
    ConfigReader reader(*root_, source_, "");
    describe(config, reader);
    reader.finish();
    return config;
  }

 private:
  ConfigDocument(std::shared_ptr<nlohmann::json> root, std::string source);

  std::shared_ptr<nlohmann::json> root_;
  std::string source_;
};

/// The config as JSON text, keys in the order of the list.
template <class Config>
std::string write_config(Config config) {
  ConfigWriter writer;
  describe(config, writer);
  return writer.text();
}

}  // namespace physgen
