#pragma once

#include <Eigen/Geometry>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace physgen {

/// What a policy may be asked to do in a simulator.
struct SimulatorTask {
  std::string name;
  std::string instruction;  ///< what a policy is told
  int64_t max_steps = 0;    ///< the usual limit of an episode, control steps
};

/// What pictures are taken with.
struct SimulatorCamera {
  std::string name;
  std::optional<double> field_of_view = {};    ///< vertical, radians; empty: not told
  std::optional<Eigen::Isometry3d> pose = {};  ///< from the camera (x right, y down, z ahead) to the world, metres
};

/// What a simulator has under one name, as its worker tells it.
struct SimulatorDescription {
  std::string simulator;             ///< what it is, for people: "MuJoCo 3.1"
  std::vector<SimulatorTask> tasks;  ///< one, or those of a suite in its order
  std::vector<SimulatorCamera> cameras;
  std::string more_cameras;  ///< regular expression (ECMAScript) of the names of others; empty: there are no others
  std::vector<std::string> control_modes;  ///< how actions can be meant
  double control_rate = 0;                 ///< control steps a second
  int64_t state_width = 0;                 ///< numbers in the robot's own state; 0: it is not told
  int64_t initial_states = 0;              ///< of each task, which seeds number from 0; 0: any seed will do

  /// Of its tasks, in order.
  std::vector<std::string> task_names() const;
  /// Of its cameras, in order.
  std::vector<std::string> camera_names() const;
};

}  // namespace physgen
