#pragma once

#include <memory>
#include <string>
#include <vector>

#include <physgen/core/choice.h>
#include <physgen/core/config_reader.h>
#include <physgen/core/config_writer.h>

// A config is a plain struct with defaults. Its one list of fields stands beside it:
//
//   struct AdamConfig { double learning_rate = 1e-4; std::array<double, 2> betas = {0.9, 0.95}; };
//   template <class Field> void describe(AdamConfig& config, Field& field) {
//     field.renamed("lr", "learning_rate");
//     field("learning_rate", config.learning_rate, {.least = 0});
//     field("betas", config.betas, {.least = 0, .most = 1});
//   }
//
// A field is a bool, an int64_t, a double, a std::string, an enum (see choice.h), such a struct, or a std::optional,
// std::vector, std::array or std::pair of them.

namespace physgen {

/// Where a setting came from.
struct ConfigOrigin {
  std::string setting;  ///< its dotted path
  std::string from;     ///< "run.json, line 3: steps", "--set: steps"
};

template <class Field>
void describe(ConfigOrigin& origin, Field& field) {
  field("setting", origin.setting);
  field("from", origin.from);
}

/// A config file in memory: JSON, each key once.
///
/// In a user's file an object may begin from another file, whose path is relative to its own: {"include": "small.json",
/// "packs": 2} is what small.json holds with `packs` laid over it, and "small.json" in place of an object is
/// {"include": "small.json"}. Objects are laid over each other key by key, all else is replaced.
class ConfigDocument {
 public:
  /// A user's config. Throws ConfigError for a duplicate key and for text that is not one JSON object (with line and
  /// column).
  /// @param source  the name of the file, for errors and for what it includes
  static ConfigDocument parse(const std::string& text, const std::string& source);
  /// A user's config file. Throws ConfigError when it does not exist or cannot be read, and as `parse` does.
  static ConfigDocument compose(const std::string& path);
  /// A file that a program wrote, such as the config.json of a checkpoint: it stands alone, so that one from elsewhere
  /// opens no file here, and is silent about the keys of earlier versions. Throws as `compose` does.
  static ConfigDocument load(const std::string& path);

  /// Applies "a.b=c" as if it stood in the file; c is JSON, or else a bare string. A file that c includes is relative
  /// to the working directory. Throws ConfigError on another form.
  void set(const std::string& assignment);

  /// What reading had to say of the document, a sentence each: of keys that have other names now.
  const std::vector<std::string>& notices() const;

  /// Of the settings that were read, by their names' order; what is not among them was left as it was.
  std::vector<ConfigOrigin> origins() const;

  /// The struct: `config`'s values, replaced by those of the document. Throws ConfigError as ConfigReader does and as
  /// ConfigValue::layers does.
  template <Described Config>
  Config read(Config config) const {
    read_value(root(), config, {});
    return config;
  }
  template <Described Config>
  Config read() const {
    Config config;
    read_value(root(), config, {});
    return config;
  }

 private:
  explicit ConfigDocument(std::shared_ptr<const ConfigFile> file);
  ConfigValue root() const;

  std::shared_ptr<const ConfigFile> file_;
};

}  // namespace physgen
