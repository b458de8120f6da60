#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace physgen {

/// Bounds, both inclusive, of a number (or of each number of a list).
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  std::optional<double> none = {};  ///< of an optional number: what stood for none before there was null
};

struct ConfigFile;

/// One value of a config file, and the place where it stands. Each getter throws ConfigError, with that place, for
/// another type.
class ConfigValue {
 public:
  /// @param path  the dotted path of `value` inside `file`, "" at the top
  /// @param place  that of what it is read into
  ConfigValue(std::shared_ptr<const ConfigFile> file, const nlohmann::json& value, std::string path, std::string place);

  bool is_null() const;
  bool begins_with_number() const;  ///< as a list of numbers does
  bool is_number(double number) const;
  bool boolean() const;
  int64_t integer(Range range) const;
  double number(Range range) const;
  std::string text(const std::string& expected = "a string") const;
  /// The items of a list. @param expected  "a list of integers", for the error
  std::vector<ConfigValue> items(const std::string& expected) const;
  /// Throws ConfigError unless this is an object.
  void require_object() const;

  /// Of an object: the value of a key, and all keys.
  std::optional<ConfigValue> find(const std::string& key) const;
  std::vector<std::string> keys() const;
  /// The value at a dotted path below this object.
  std::optional<ConfigValue> find_path(const std::string& path) const;
  /// This object with the value at one dotted path moved to another, unless something stands there already.
  ConfigValue moved(const std::string& from, const std::string& to) const;

  /// The objects to read one after the other in place of this one: those of the file that it includes, then itself.
  /// Throws ConfigError for a file that cannot be read, with the chain of files that led to it, for a file that
  /// includes itself and for more than eight files in a chain.
  std::vector<ConfigValue> layers() const;

  /// Keeps a sentence for who gave the file, once.
  void notice(const std::string& text) const;

  /// Keeps where this value stands, for ConfigDocument::origins, unless the program wrote the file.
  void keep_origin() const;

  /// Whether the program wrote the file: it includes no others, and its keys may be those of earlier versions.
  bool is_stored() const;
  /// The dotted path of a key of this object.
  std::string path_of(const std::string& key) const;
  /// The file and the path, for errors. @param key  below this object, "" for the object itself
  std::string where(const std::string& key = "") const;
  /// Throws ConfigError: this value is of a wrong type.
  [[noreturn]] void refuse(const std::string& expected) const;

 private:
  std::shared_ptr<const ConfigFile> file_;
  const nlohmann::json* value_;
  std::string path_, place_;
};

}  // namespace physgen
