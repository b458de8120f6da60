#include "worker_program.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "physgen/core/error.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScript = "simulator_worker.py";
/// Where a simulator's Python is, and how to get it.
struct Home {
  const char* variable;
  const char* python;
  const char* repair;
};

Home home_of(const std::string& simulator) {
  if (simulator == "libero") {
    return {"PHYSGEN_LIBERO_PYTHON", ".venv-libero/bin/python", "run scripts/setup_libero"};
  }
  return {"PHYSGEN_PYTHON", ".venv/bin/python", "run scripts/setup, then physgen doctor"};
}

void require_named(const std::string& path, int access_mode, const std::string& what, const std::string& where) {
  if (access(path.c_str(), access_mode) == 0 && !fs::is_directory(path)) return;
  throw ConfigError({.what = what, .where = where, .got = path, .expected = "an existing file"});
}

/// The script beside the folders above the running program: of the source tree, or of an installation.
fs::path find_script() {
  const fs::path program = fs::read_symlink("/proc/self/exe");
  for (fs::path folder = program.parent_path(); folder != folder.parent_path(); folder = folder.parent_path()) {
    for (const char* place : {"scripts/simulators", "share/physgen/scripts/simulators"}) {
      if (fs::exists(folder / place / kScript)) return folder / place / kScript;
    }
  }
  throw Error({.what = "the simulator worker was not found",
               .where = std::string(kScript),
               .got = "no scripts/simulators folder above " + program.string(),
               .next_step = "run physgen where it was built or installed"});
}

std::string script_of(const SimulatorConfig& config) {
  if (config.script.empty()) return find_script();
  require_named(config.script, R_OK, "the simulator worker's script does not exist", "script");
  return config.script;
}

std::string python_of(const SimulatorConfig& config, const fs::path& script) {
  const Home home = home_of(config.simulator);
  const char* variable = std::getenv(home.variable);
  if (!config.python.empty() || (variable && *variable)) {
    const std::string python = config.python.empty() ? variable : config.python;
    require_named(python, X_OK, "the Python interpreter does not exist",
                  config.python.empty() ? home.variable : "--python");
    return python;
  }
  const fs::path python = fs::absolute(script).parent_path().parent_path().parent_path() / home.python;
  if (access(python.c_str(), X_OK) == 0) return python;
  throw Error({.what = "there is no Python with the simulator",
               .where = python.string(),
               .got = "no such program",
               .next_step = std::string(home.repair) + "; or name one with --python or " + home.variable});
}

}  // namespace

std::string repair_of(const std::string& simulator) { return home_of(simulator).repair; }

std::vector<std::string> worker_command(const SimulatorConfig& config, int descriptor) {
  const std::string script = script_of(config);
  return {python_of(config, script), script, "--simulator", config.simulator, "--fd", std::to_string(descriptor)};
}

}  // namespace physgen
