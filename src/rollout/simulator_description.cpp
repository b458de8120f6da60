#include "physgen/rollout/simulator_description.h"

#include <algorithm>
#include <limits>
#include <numbers>
#include <regex>
#include <string_view>

#include "core/rigid_transform.h"
#include "description_reader.h"
#include "physgen/core/choice.h"
#include "physgen/core/error.h"
#include "physgen/core/suggestion.h"

namespace physgen {
namespace {

constexpr int64_t kMostSteps = 1'000'000;
constexpr int64_t kWidestState = 4096;
constexpr double kFastestRate = 100'000;  // Hz

FormatError wrong(const std::string& where, const std::string& got, const std::string& expected) {
  return FormatError(
      {.what = "the simulator's description is wrong", .where = where, .got = got, .expected = expected});
}

/// A number within the range (least, most).
double number_between(const Message& map, const char* key, double least, double most) {
  const double number = map.number(key);
  if (number > least && number < most) return number;
  throw wrong(key, std::to_string(number), "between " + std::to_string(least) + " and " + std::to_string(most));
}

SimulatorTask read_task(const Message& map) {
  return {map.text("name"), map.text("instruction"), map.integer("max_steps", 1, kMostSteps)};
}

Eigen::Isometry3d read_pose(const Message& map) {
  const std::vector<float> numbers = map.floats("pose");
  if (numbers.size() != 7) throw wrong("pose", std::to_string(numbers.size()) + " numbers", "7: x y z, w i j k");
  const Eigen::Matrix<double, 7, 1> pose = Eigen::Map<const Eigen::Matrix<float, 7, 1>>(numbers.data()).cast<double>();
  if (std::abs(pose.tail<4>().norm() - 1) > 1e-3) throw wrong("pose", "no rotation", "a quaternion of length 1");
  return transform_of_pose(pose);
}

SimulatorCamera read_camera(const Message& map) {
  SimulatorCamera camera{.name = map.text("name")};
  if (map.has("field_of_view")) camera.field_of_view = number_between(map, "field_of_view", 0, std::numbers::pi);
  if (map.has("pose")) camera.pose = read_pose(map);
  return camera;
}

template <class Item>
std::vector<std::string> names_of(const std::vector<Item>& items) {
  std::vector<std::string> names;
  for (const Item& item : items) names.push_back(item.name);
  return names;
}

void require_some(size_t count, const char* where) {
  if (count == 0) throw wrong(where, "none", "at least one");
}

void require_choice(const std::string& word, const std::vector<std::string>& choices, const std::string& what,
                    const SimulatorConfig& config) {
  if (std::ranges::find(choices, word) != choices.end()) return;
  refuse_choice(word, choices, "the simulator has no such " + what, config.simulator + ":" + config.task);
}

std::regex pattern_of(const std::string& text) {
  try {
    return std::regex(text);
  } catch (const std::regex_error&) {
    throw wrong("more_cameras", text, "a regular expression, such as \"view_[0-9]+\"");
  }
}

void require_camera(const std::string& camera, const SimulatorDescription& there, const SimulatorConfig& config) {
  if (!there.more_cameras.empty() && std::regex_match(camera, pattern_of(there.more_cameras))) return;
  std::vector<std::string> choices = there.camera_names();
  if (!there.more_cameras.empty()) choices.push_back("any that matches " + there.more_cameras);
  require_choice(camera, choices, "camera", config);
}

// Names of modes are a worker's own: that of a LeRobot set which tells none is "lerobot".
void require_control_mode(const SimulatorConfig& config, const std::vector<std::string>& modes) {
  if (std::ranges::find(modes, config.control_mode) != modes.end()) return;
  const std::string near = suggestion(config.control_mode, modes);
  throw ConfigError(
      {.what = "the simulator has no such control mode",
       .where = config.simulator + ":" + config.task,
       .got = "\"" + config.control_mode + "\", as the policy's data say",
       .expected = "one of " + comma_separated(modes),
       .next_step = near.empty() ? "where its actions mean the same, let the worker's control_modes name it" : near});
}

}  // namespace

std::vector<std::string> SimulatorDescription::task_names() const { return names_of(tasks); }
std::vector<std::string> SimulatorDescription::camera_names() const { return names_of(cameras); }

SimulatorDescription read_description(const Message& reply) {
  SimulatorDescription description;
  for (const Message& task : reply.maps("tasks")) description.tasks.push_back(read_task(task));
  for (const Message& camera : reply.maps("cameras")) description.cameras.push_back(read_camera(camera));
  if (reply.has("more_cameras")) description.more_cameras = reply.text("more_cameras");
  pattern_of(description.more_cameras);
  description.control_modes = reply.texts("control_modes");
  description.control_rate = number_between(reply, "control_rate", 0, kFastestRate);
  description.state_width = reply.integer("state_width", 0, kWidestState);
  description.initial_states = reply.integer("initial_states", 0, std::numeric_limits<uint32_t>::max());
  require_some(description.tasks.size(), "tasks");
  require_some(description.cameras.size(), "cameras");
  require_some(description.control_modes.size(), "control_modes");
  return description;
}

void check_config_against(const SimulatorDescription& description, const SimulatorConfig& config) {
  for (const std::string& camera : config.cameras) require_camera(camera, description, config);
  require_control_mode(config, description.control_modes);
  if (!config.state || description.state_width > 0) return;
  throw ConfigError({.what = "the simulator does not tell the robot's state, which the policy looks at",
                     .where = config.simulator + ":" + config.task,
                     .got = "state_width 0",
                     .expected = "a simulator that tells it, or a policy trained with model.codec.state_token=false"});
}

}  // namespace physgen
