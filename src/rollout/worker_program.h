#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "physgen/rollout/simulator_process.h"

namespace physgen {

/// scripts/simulators of the source tree or installation that the running program is in, which holds the workers of
/// the known simulators; empty where there is none.
std::filesystem::path workers_folder();

/// "run scripts/setup", with its folder where that is not the working directory.
std::string setup_command(const std::string& script = "setup");

/// The command line of a simulator's worker: the user's own, or a known simulator's, which is Python and a script.
/// Throws ConfigError for an unknown simulator and where the user named a program or interpreter that cannot be run,
/// Error where none is found.
/// @param workers  what `workers_folder` returned
std::vector<std::string> worker_command(const SimulatorConfig& config, int descriptor,
                                        const std::filesystem::path& workers);

}  // namespace physgen
