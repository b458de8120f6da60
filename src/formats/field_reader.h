#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace physgen {

/// Reads the fields of one object of a JSON file beside demonstrations; knows where it is for the errors. What it gives
/// it has checked: all throw FormatError. The object must outlive it.
class FieldReader {
 public:
  /// @param where   the file and a colon, or as path_of has it
  /// @param layout  whose file it should be: "ManiSkill's"
  FieldReader(const nlohmann::json& object, std::string where, std::string layout);

  /// Whether there is a value at a key that is not null.
  bool has(const std::string& key) const;
  const nlohmann::json& at(const std::string& key, const std::string& expected) const;
  std::string text(const std::string& key) const;
  int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  const nlohmann::json& list(const std::string& key) const;
  FieldReader object(const std::string& key) const;
  /// Two integers, the first no greater than the second. @param value  of a field of the object
  std::pair<int64_t, int64_t> range_of(const nlohmann::json& value) const;
  FieldReader object_in(const std::string& key, size_t index) const;

  [[noreturn]] void fail(const std::string& key, const std::string& got, const std::string& expected) const;

 private:
  std::string path_of(const std::string& key) const;

  const nlohmann::json& object_;
  std::string where_;
  std::string layout_;
};

/// A file of JSON. Throws FormatError where it is no JSON, and in the words of the other arguments where it is missing.
nlohmann::json read_json_file(const std::string& path, const std::string& what, const std::string& expected,
                              const std::string& next_step);

}  // namespace physgen
