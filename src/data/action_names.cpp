#include "data/action_names.h"

namespace physgen {
namespace {

std::vector<std::string> numbered(const std::string& name, int64_t count, const std::string& unit) {
  std::vector<std::string> names;
  for (int64_t i = 1; i <= count; ++i) names.push_back(name + " " + std::to_string(i) + unit);
  return names;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

std::vector<std::string> action_names(const std::string& control_mode, int64_t action_width) {
  // Relative modes are scaled to [-1, 1] by the controller, so that only absolute ones have a unit.
  const bool scaled = contains(control_mode, "delta") || contains(control_mode, "vel");
  std::vector<std::string> names;
  if (contains(control_mode, "joint") && action_width > 1) {
    names = numbered("joint", action_width - 1, scaled ? "" : " (rad)");
  } else if (control_mode == "osc_pose" && action_width == 7) {
    names = {"x", "y", "z", "turn about x", "turn about y", "turn about z"};
  } else if (contains(control_mode, "ee") && (action_width == 4 || action_width == 7)) {
    const std::string metres = scaled ? "" : " (m)";
    const std::string radians = scaled ? "" : " (rad)";
    names = {"x" + metres, "y" + metres, "z" + metres};
    if (action_width == 7) names.insert(names.end(), {"roll" + radians, "pitch" + radians, "yaw" + radians});
  } else {
    return numbered("action", action_width, "");
  }
  names.push_back("gripper");
  return names;
}

std::vector<std::string> action_names(const DemonstrationDataset& dataset) {
  const std::vector<std::string>& own = dataset.recording().action_names;
  return own.empty() ? action_names(dataset.info(0).control_mode, dataset.action_width()) : own;
}

}  // namespace physgen
