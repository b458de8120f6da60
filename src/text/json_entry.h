#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace physgen {

/// A value of a tokenizer file and where it stands, for errors. What it gives it has checked: all throw FormatError.
class JsonEntry {
 public:
  /// @param where  the name of the file, or as where() has it; the value must outlive the entry
  JsonEntry(const nlohmann::json& value, std::string where);

  [[noreturn]] void refuse(const std::string& got, const std::string& expected) const;
  /// Refuses the value itself.
  [[noreturn]] void refuse(const std::string& expected) const;

  const nlohmann::json& value() const { return value_; }
  /// "file: key.key[index]".
  const std::string& where() const { return where_; }

  /// Refuses another value than an object, and keys that are not listed.
  void check_keys(std::initializer_list<std::string_view> known) const;
  /// Refuses a value at a key other than those wanted, where there is one.
  void check(const char* key, std::initializer_list<nlohmann::json> wanted) const;

  /// Whether the object has a value at a key that is not null.
  bool has(const char* key) const;
  JsonEntry at(const char* key) const;
  JsonEntry item(size_t i) const;

  size_t list_size() const;
  const std::string& text() const;
  bool flag() const;
  /// An id in [0, count).
  int32_t id(size_t count) const;

 private:
  const nlohmann::json& value_;
  std::string where_;
};

/// A value as an error shows it: on one line, not long.
std::string quote_json(const nlohmann::json& value);

}  // namespace physgen
