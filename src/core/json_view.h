#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace physgen {

/// What errors about one kind of JSON file say, all of static storage.
struct JsonWords {
  const char* damaged = "a JSON file does not say what is needed";  ///< of a value that is refused
  const char* missing = "a JSON file cannot be read";
  const char* expected = "a regular file";  ///< where it is missing
  const char* next_step = "";
};

/// A value of a JSON text, and where it stands. What it gives it has checked: every getter throws FormatError with the
/// file, the line and the path "a.b[2]" of what it refuses. A null counts as absent. A view is small, and keeps the
/// text alive; the line and the path are looked for when an error asks for them.
class JsonView {
 public:
  const nlohmann::json& value() const { return *value_; }
  /// "file, line 3: a.b[2]"; without the path for the whole text.
  std::string where() const;

  /// Refuses this value.
  [[noreturn]] void refuse(const std::string& got, const std::string& expected) const;
  [[noreturn]] void refuse(const std::string& expected) const;
  /// Refuses the member of an object, or that it is not there.
  [[noreturn]] void refuse_member(const std::string& key, const std::string& got, const std::string& expected) const;

  /// Whether the object has a value at a key that is not null.
  bool has(const std::string& key) const;
  JsonView at(const std::string& key) const;
  /// The members of an object by name, those that are null too.
  std::vector<std::pair<std::string_view, JsonView>> members() const;
  std::vector<JsonView> items() const;  ///< of a list

  bool is_list() const { return value_->is_array(); }
  bool flag() const;
  const std::string& text() const;
  int64_t integer(int64_t least = std::numeric_limits<int64_t>::min(),
                  int64_t most = std::numeric_limits<int64_t>::max()) const;
  double number(double least = -std::numeric_limits<double>::max(),
                double most = std::numeric_limits<double>::max()) const;
  std::vector<std::string> texts() const;  ///< of a list
  std::vector<int64_t> integers(int64_t least = std::numeric_limits<int64_t>::min(),
                                int64_t most = std::numeric_limits<int64_t>::max()) const;
  /// A list of two integers, the first no greater than the second.
  std::pair<int64_t, int64_t> range() const;

  // The value of a member, or `fallback` where it is absent.
  bool flag_or(const std::string& key, bool fallback) const;
  std::string text_or(const std::string& key, const std::string& fallback) const;
  int64_t integer_or(const std::string& key, int64_t fallback, int64_t least = std::numeric_limits<int64_t>::min(),
                     int64_t most = std::numeric_limits<int64_t>::max()) const;
  double number_or(const std::string& key, double fallback, double least = -std::numeric_limits<double>::max(),
                   double most = std::numeric_limits<double>::max()) const;

  /// Refuses a value that is none of the wanted ones.
  void require(std::initializer_list<nlohmann::json> wanted) const;
  /// The same of a member, where it is there.
  void require_if_there(const std::string& key, std::initializer_list<nlohmann::json> wanted) const;
  /// Refuses members of other names than the known ones.
  void require_keys(std::initializer_list<std::string_view> known) const;

 private:
  struct Document;
  JsonView(std::shared_ptr<const Document> document, const nlohmann::json& value);
  friend JsonView parse_json(std::string text, std::string source, const JsonWords& words, size_t first_line);

  JsonView view_of(const nlohmann::json& value) const { return {document_, value}; }
  [[noreturn]] void refuse_at(const std::string& where, const std::string& got, const std::string& expected) const;

  std::shared_ptr<const Document> document_;
  const nlohmann::json* value_;
};

/// A whole text. Throws FormatError as parse_strict_json does.
/// @param source  the name of the file, for errors
/// @param first_line  the number of the text's first line in that file
JsonView parse_json(std::string text, std::string source, const JsonWords& words = {}, size_t first_line = 1);

}  // namespace physgen
