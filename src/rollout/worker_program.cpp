#include "worker_program.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "physgen/core/error.h"
#include "physgen/core/suggestion.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

/// A simulator whose worker is part of PhysGen.
struct KnownWorker {
  const char* simulator;
  const char* script;
  const char* variable;  // of the environment, that names another Python
  const char* python;
  const char* setup;
};

constexpr std::array<KnownWorker, 2> kKnownWorkers = {{
    {"maniskill", "maniskill_worker.py", "PHYSGEN_PYTHON", ".venv/bin/python", "setup"},
    {"libero", "libero_worker.py", "PHYSGEN_LIBERO_PYTHON", ".venv-libero/bin/python", "setup_libero"},
}};

const KnownWorker& known_worker(const std::string& simulator) {
  std::vector<std::string> names;
  for (const KnownWorker& worker : kKnownWorkers) {
    if (worker.simulator == simulator) return worker;
    names.emplace_back(worker.simulator);
  }
  throw ConfigError({.what = "there is no such simulator",
                     .where = "--env",
                     .got = "\"" + simulator + "\"",
                     .expected = "one of " + comma_separated(names) + ", or a simulator of your own with its --worker",
                     .next_step = suggestion(simulator, names)});
}

void require_worker(const std::string& path) {
  const auto refuse = [&](const char* got, const std::string& next_step = "") {
    throw ConfigError({.what = "the worker cannot be run",
                       .where = "--worker " + path,
                       .got = got,
                       .expected = "an executable file",
                       .next_step = next_step});
  };
  if (!fs::exists(path)) refuse("no such file");
  if (fs::is_directory(path)) refuse("a folder");
  if (access(path.c_str(), X_OK) != 0) refuse("a file that is not executable", "chmod +x " + path);
}

void require_python(const std::string& path, const std::string& where) {
  if (access(path.c_str(), X_OK) == 0 && !fs::is_directory(path)) return;
  throw ConfigError(
      {.what = "the Python interpreter does not exist", .where = where, .got = path, .expected = "an existing file"});
}

fs::path script_of(const KnownWorker& worker, const fs::path& workers) {
  if (fs::exists(workers / worker.script)) return workers / worker.script;
  throw Error({.what = "the simulator's worker was not found",
               .where = worker.script,
               .got = "no scripts/simulators folder above the program",
               .next_step = "run physgen where it was built or installed"});
}

std::string python_of(const KnownWorker& worker, const std::string& chosen, const fs::path& workers) {
  const char* variable = std::getenv(worker.variable);
  if (!chosen.empty()) {
    require_python(chosen, "--python");
    return chosen;
  }
  if (variable && *variable) {
    require_python(variable, worker.variable);
    return variable;
  }
  const fs::path python = fs::absolute(workers).parent_path().parent_path() / worker.python;
  if (access(python.c_str(), X_OK) == 0) return python;
  throw Error({.what = "there is no Python with the simulator",
               .where = python.string(),
               .got = "no such program",
               .next_step = setup_command(worker.setup) + "; or name one with --python or " + worker.variable});
}

}  // namespace

fs::path workers_folder() {
  const fs::path program = fs::read_symlink("/proc/self/exe");
  for (fs::path folder = program.parent_path(); folder != folder.parent_path(); folder = folder.parent_path()) {
    for (const char* place : {"scripts/simulators", "share/physgen/scripts/simulators"}) {
      if (fs::exists(folder / place)) return folder / place;
    }
  }
  return {};
}

std::string setup_command(const std::string& script) {
  const fs::path workers = workers_folder();
  if (workers.empty()) return "run scripts/" + script;
  const fs::path path = fs::absolute(workers.parent_path() / script).lexically_normal();
  std::error_code unknown;
  const fs::path near = path.lexically_relative(fs::current_path(unknown));
  return "run " + (near == fs::path("scripts") / script ? near : path).string();
}

std::vector<std::string> worker_command(const SimulatorConfig& config, int descriptor, const fs::path& workers) {
  std::vector<std::string> command;
  if (!config.worker.empty()) {
    require_worker(config.worker);
    command = {fs::absolute(config.worker)};
  } else {
    const KnownWorker& worker = known_worker(config.simulator);
    const fs::path script = script_of(worker, workers);
    command = {python_of(worker, config.python, workers), script};
  }
  command.insert(command.end(), {"--simulator", config.simulator, "--fd", std::to_string(descriptor)});
  return command;
}

}  // namespace physgen
