#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <physgen/data/demonstration_dataset.h>

namespace physgen {

/// What ManiSkill's columns of an action mean, for people: "joint 1 (rad)", …, "gripper". Columns of a control mode
/// that is not known are "action 1", ….
std::vector<std::string> action_names(const std::string& control_mode, int64_t action_width);

/// Those that the demonstrations carry, or else the above.
std::vector<std::string> action_names(const DemonstrationDataset& dataset);

}  // namespace physgen
