#include "simulator_options.h"

#include <tuple>

namespace physgen {

void add_python_option(CLI::App& command, SimulatorConfig& simulator) {
  command.add_option("--python", simulator.python,
                     "Interpreter that has the simulator; without it, .venv/bin/python or .venv-libero/bin/python");
}

void add_workers_option(CLI::App& command, int64_t& workers) {
  command.add_option("--workers", workers, "Simulators at the same time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

SimulatorConfig simulator_of(const RolloutConfig& config, SimulatorConfig given) {
  std::tie(given.simulator, given.task) = parse_environment_name(config.environment);
  given.cameras = config.cameras;
  given.size = config.size;
  given.control_mode = config.control_mode;
  given.max_steps = config.max_steps;
  return given;
}

}  // namespace physgen
