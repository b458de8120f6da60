#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace physgen {

/// A JSON file of somebody else's: keys that are not asked for are theirs, those that are must be of their type. Every
/// reader throws FormatError naming the file and the key; a null counts as absent.
class ReleaseJson {
 public:
  /// Throws FormatError where the file is not there, or not one JSON object.
  static ReleaseJson load(const std::filesystem::path& path);

  bool has(const std::string& key) const;
  bool is_number(const std::string& key) const;
  int64_t integer(const std::string& key, int64_t least, int64_t most) const;
  int64_t integer_or(const std::string& key, int64_t fallback, int64_t least, int64_t most) const;
  double number_or(const std::string& key, double fallback, double least, double most) const;
  bool flag_or(const std::string& key, bool fallback) const;
  std::string text_or(const std::string& key, const std::string& fallback) const;
  std::vector<int64_t> integers(const std::string& key, size_t count) const;  ///< each at least 1; count 0: any
  std::vector<std::string> texts(const std::string& key) const;

  /// The texts of an object's members by name.
  std::vector<std::pair<std::string, std::string>> members(const std::string& key) const;

  [[noreturn]] void refuse(const std::string& key, const std::string& got, const std::string& expected) const;
  /// Throws unless the key's text, or `fallback` where it is absent, is the expected one.
  void require(const std::string& key, const std::string& fallback, const std::string& expected) const;
  void require_flag(const std::string& key, bool fallback, bool expected) const;

 private:
  ReleaseJson(std::shared_ptr<const nlohmann::json> root, std::string source);
  const nlohmann::json& at(const std::string& key) const;

  std::shared_ptr<const nlohmann::json> root_;
  std::string source_;
};

}  // namespace physgen
