#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace physgen {

/// The text of a config file, and how it came to be read.
struct ConfigFile {
  nlohmann::json root = {};
  std::string text = {};                   ///< as it was read from the disk, where it was: errors name lines of it
  std::string name;                        ///< for errors; the files that it includes are relative to its folder
  bool is_stored = false;                  ///< see ConfigValue::is_stored
  std::vector<std::string> assigned = {};  ///< paths of the values that were set after it was read
  std::shared_ptr<const ConfigFile> included_by = {};
  std::string included_at = {};  ///< the place there, "run.json: model"
  /// For who gave the document: one list for all its files.
  std::shared_ptr<std::vector<std::string>> notices = std::make_shared<std::vector<std::string>>();
  /// Where the values that were read stood, by their dotted paths in the struct; one for all files, too.
  std::shared_ptr<std::map<std::string, std::string>> origins = std::make_shared<std::map<std::string, std::string>>();
};

/// Throws ConfigError where the text is not one JSON object.
ConfigFile parse_config_file(const std::string& text, const std::string& name);

/// Throws ConfigError where the file cannot be read, and as `parse_config_file` does.
ConfigFile read_config_file(const std::string& path);

/// The file that another names at `place`. Throws ConfigError as ConfigValue::layers does.
std::shared_ptr<const ConfigFile> include_config_file(const std::string& path, const std::string& place,
                                                      const std::shared_ptr<const ConfigFile>& included_by);

}  // namespace physgen
