#pragma once

#include <CLI/CLI.hpp>

#include <physgen/rollout/evaluation.h>
#include <physgen/rollout/simulator_process.h>

namespace physgen {

/// What runs it: --worker or --python.
void add_worker_options(CLI::App& command, SimulatorConfig& simulator);

/// How many of them run.
void add_workers_option(CLI::App& command, int64_t& workers);

/// The simulator of an evaluation. @param given  what the flags say of it
SimulatorConfig simulator_of(const RolloutConfig& config, SimulatorConfig given);

}  // namespace physgen
