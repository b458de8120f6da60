#pragma once

#include <Eigen/Geometry>

#include <optional>
#include <string>

#include <physgen/formats/episode.h>

namespace physgen {

/// The episode with the actions of another of ManiSkill's control modes, which send the robot to the same targets:
/// between pd_joint_pos and pd_joint_target_delta_pos, and between pd_ee_pose and pd_ee_target_delta_pose. The last
/// column, the gripper's, stays. Relative modes are in units of 0.1 rad and 0.1 m (ManiSkill 3.0.1's Panda, whose
/// rotations in pd_ee_target_delta_pose have the opposite sign), within [-1, 1].
/// @param hand  where the hand is before the first action, seen from the robot's base: needed for the modes of poses
/// Throws ConfigError for modes between which there is no exact conversion, FormatError where it is not known where the
/// robot began and where it moves further in a step than the relative mode can.
Episode convert_actions(Episode episode, const std::string& control_mode, const std::optional<Eigen::Isometry3d>& hand);

}  // namespace physgen
