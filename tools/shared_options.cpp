#include "shared_options.h"

#include <spdlog/spdlog.h>

namespace physgen {

CLI::Option* add_data_option(CLI::App& command, std::vector<std::string>& paths) {
  return command.add_option("--data", paths, "Demonstrations: HDF5 files, LeRobot data sets or folders of them");
}

CLI::Option* add_cameras_option(CLI::App& command, std::vector<std::string>& cameras) {
  return command.add_option("--camera", cameras, "Cameras on the canvas, from left to right");
}

CLI::Option* add_instruction_option(CLI::App& command, std::string& instruction) {
  return command.add_option("--instruction", instruction, "What the robot is asked to do, in place of the data's own");
}

CLI::Option* add_resample_option(CLI::App& command, double& rate) {
  return command
      .add_option("--resample", rate,
                  "Control steps a second that a robot's data are brought to; without it, their own")
      ->check(CLI::Range(0.1, 1000.0));
}

void add_run_folder_options(CLI::App& command, std::string& out, bool& resume) {
  command.add_option("--out", out, "Run folder to write: best/, step-N/, report.html, metrics.jsonl");
  command.add_flag("--resume", resume, "Go on with the run of the folder");
}

CLI::Option* add_steps_option(CLI::App& command, int64_t& steps) {
  return command.add_option("--steps", steps, "Steps of the whole run")->check(CLI::PositiveNumber);
}

CLI::Option* add_device_option(CLI::App& command, std::string& device) {
  return command.add_option("--device", device, "auto, cpu, cuda or cuda:1")->capture_default_str();
}

CLI::Option* add_threads_option(CLI::App& command, int64_t& threads, const std::string& use) {
  return command.add_option("--threads", threads, "Threads of the CPU" + use)->check(CLI::Range(1, 4096));
}

CLI::Option* add_json_option(CLI::App& command, bool& json) { return command.add_flag("--json", json, "Print JSON"); }

void add_config_options(CLI::App& command, ConfigOptions& options, const std::string& example) {
  command.add_option("--config", options.file, "JSON file of the run's settings, such as " + example);
  command.add_option("--set", options.assignments, "One setting more, such as steps=100; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  command.add_flag("--print-config", options.print, "Print the settings and stop");
}

ConfigDocument document_of(const ConfigOptions& options) {
  ConfigDocument document =
      options.file.empty() ? ConfigDocument::parse("{}", "--set") : ConfigDocument::compose(options.file);
  for (const std::string& assignment : options.assignments) document.set(assignment);
  if (options.steps > 0) document.set("steps=" + std::to_string(options.steps));
  return document;
}

void keep_origin(const ConfigOrigin& origin, std::vector<ConfigOrigin>& origins) {
  std::erase_if(origins, [&](const ConfigOrigin& known) { return known.setting == origin.setting; });
  origins.push_back(origin);
}

void print_notices(const ConfigDocument& document) {
  for (const std::string& notice : document.notices()) spdlog::warn("{}", notice);
}

}  // namespace physgen
