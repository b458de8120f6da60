#include "simulator_options.h"

#include <tuple>

namespace physgen {

void add_worker_options(CLI::App& command, SimulatorConfig& simulator) {
  CLI::Option* worker = command.add_option(
      "--worker", simulator.worker,
      "Program that runs a simulator of your own, as .github/docs/simulators.md says; without it, maniskill or libero");
  command
      .add_option("--python", simulator.python,
                  "Interpreter that has the simulator; without it, .venv/bin/python or .venv-libero/bin/python")
      ->excludes(worker);
}

void add_workers_option(CLI::App& command, int64_t& workers) {
  command.add_option("--workers", workers, "Simulators at the same time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

SimulatorConfig simulator_of(const RolloutConfig& config, SimulatorConfig given) {
  std::tie(given.simulator, given.task) = parse_environment_name(config.environment);
  if (given.worker.empty()) given.worker = config.worker;
  given.cameras = config.cameras;
  given.size = config.size;
  given.control_mode = config.control_mode;
  given.max_steps = config.max_steps;
  return given;
}

}  // namespace physgen
