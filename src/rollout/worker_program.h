#pragma once

#include <string>
#include <vector>

#include "physgen/rollout/simulator_process.h"

namespace physgen {

/// The command line of the simulator worker: interpreter, script and arguments. Throws ConfigError where the user named
/// an interpreter or script that is not there, Error where none is found.
std::vector<std::string> worker_command(const SimulatorConfig& config, int descriptor);

/// What to do about a simulator that cannot be started.
std::string repair_of(const std::string& simulator);

}  // namespace physgen
