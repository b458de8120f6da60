#pragma once

#include "physgen/rollout/simulator_description.h"
#include "physgen/rollout/simulator_process.h"
#include "wire/message.h"

namespace physgen {

/// The worker's answer to `describe`. Throws FormatError where it does not have the agreed form.
SimulatorDescription read_description(const Message& reply);

/// Throws ConfigError for a camera or a control mode that the simulator does not have, and where its robot's state is
/// asked for in vain.
void check_config_against(const SimulatorDescription& description, const SimulatorConfig& config);

}  // namespace physgen
