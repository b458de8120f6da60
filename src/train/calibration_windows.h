#pragma once

#include <cstdint>
#include <vector>

#include "policy/calibration.h"
#include "train/demonstrations.h"

namespace physgen {

/// At most `most` windows, evenly spaced over all episodes, as a policy that did what was demonstrated would see them.
/// Throws ConfigError for a camera that is not there, and for actions and states of another width than the policy's.
std::vector<CalibrationWindow> calibration_windows(const std::vector<DemonstrationSet>& sets,
                                                   const PolicyConfig& policy, int64_t most);

}  // namespace physgen
