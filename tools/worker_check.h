#pragma once

#include <physgen/rollout/simulator_process.h>

namespace physgen {

/// Asks a simulator's worker everything that a rollout would, without a policy, and prints what it says: what there is,
/// an episode of each task with every camera, and whether the same seed gives the same episode again.
/// @param config  its simulator, task and program; the rest is taken from what the worker tells
/// Throws what SimulatorProcess throws, and Error where an episode cannot be repeated.
void check_worker(SimulatorConfig config);

}  // namespace physgen
