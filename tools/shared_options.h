#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <physgen/core/config.h>

namespace physgen {

// Flags that several commands have, so that a flag means the same and says the same in all of them.

CLI::Option* add_data_option(CLI::App& command, std::vector<std::string>& paths);
CLI::Option* add_cameras_option(CLI::App& command, std::vector<std::string>& cameras);
CLI::Option* add_instruction_option(CLI::App& command, std::string& instruction);
CLI::Option* add_resample_option(CLI::App& command, double& rate);
/// --out and --resume of a training run.
void add_run_folder_options(CLI::App& command, std::string& out, bool& resume);
CLI::Option* add_steps_option(CLI::App& command, int64_t& steps);
CLI::Option* add_device_option(CLI::App& command, std::string& device);
/// @param use  of them, as " for each worker's policy; without it, the cores are shared"
CLI::Option* add_threads_option(CLI::App& command, int64_t& threads, const std::string& use = "; without it, all");
/// @param what  it decides
template <class Integer>
CLI::Option* add_seed_option(CLI::App& command, Integer& seed, const std::string& what) {
  return command.add_option("--seed", seed, what)
      ->check(CLI::Range(int64_t{0}, int64_t{0xffffffff}))
      ->capture_default_str();
}
CLI::Option* add_json_option(CLI::App& command, bool& json);

/// The settings of a run as its flags give them.
struct ConfigOptions {
  std::string file;
  std::vector<std::string> assignments;
  int64_t steps = 0;   ///< of --steps; 0: as the settings say
  bool print = false;  ///< the settings, and stop
};

/// --config, --set and --print-config. @param example  a config file of this command
void add_config_options(CLI::App& command, ConfigOptions& options, const std::string& example);

/// The file with the assignments and the steps. Throws ConfigError as ConfigDocument does.
ConfigDocument document_of(const ConfigOptions& options);

/// Prints what reading the document had to say.
void print_notices(const ConfigDocument& document);

/// In place of what was known of the same setting.
void keep_origin(const ConfigOrigin& origin, std::vector<ConfigOrigin>& origins);

/// `config` with the document's values; prints the document's notices. Throws ConfigError as ConfigDocument::read does.
template <Described Config>
Config read_config(const ConfigDocument& document, Config config = {}) {
  config = document.read(std::move(config));
  print_notices(document);
  return config;
}

/// `config` with what the flags give; where each of that stands is kept among the origins. Throws as `document_of` and
/// `read_config` do.
template <Described Config>
void read_settings(const ConfigOptions& options, Config& config, std::vector<ConfigOrigin>& origins) {
  const ConfigDocument document = document_of(options);
  config = read_config(document, std::move(config));
  for (const ConfigOrigin& origin : document.origins()) keep_origin(origin, origins);
  if (options.steps > 0) keep_origin({"steps", "--steps"}, origins);
}

}  // namespace physgen
