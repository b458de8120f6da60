#include "data/action_conversion.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <utility>

#include <physgen/core/error.h>

#include "core/rigid_transform.h"

namespace physgen {
namespace {

constexpr double kUnit = 0.1;             // radians or metres that a relative action of 1 moves
constexpr double kTolerance = 1e-4;       // by which a converted action may leave its range: float32's rounding
constexpr double kRotationUnit = -kUnit;  // ManiSkill 3.0.1 scales rotations by its lower limit

struct Mode {
  bool joints;  // or the pose of the hand: x, y, z, then Euler angles
  bool relative;
};

const std::map<std::string, Mode> kModes = {{"pd_joint_pos", {true, false}},
                                            {"pd_joint_target_delta_pos", {true, true}},
                                            {"pd_ee_pose", {false, false}},
                                            {"pd_ee_target_delta_pose", {false, true}}};

// The controller holds joints and positions within [-1, 1] and rotations within a norm of 1.
Eigen::VectorXd clipped(const Mode& mode, Eigen::VectorXd action) {
  const Eigen::Index straight = mode.joints ? action.size() : 3;
  action.head(straight) = action.head(straight).cwiseMax(-1).cwiseMin(1).eval();
  if (!mode.joints) action.tail<3>() /= std::max(1.0, action.tail<3>().norm());
  return action;
}

// Angles that mean the same and lie nearest to others, so that a turn through pi does not jump.
Eigen::Vector3d nearest(Eigen::Vector3d angles, const Eigen::Vector3d& others) {
  for (int i = 0; i < 3; ++i)
    angles(i) -= 2 * std::numbers::pi * std::round((angles(i) - others(i)) / (2 * std::numbers::pi));
  return angles;
}

// How a target follows from the one before and an action, and back. Columns but the gripper's.
Eigen::VectorXd moved(const Mode& mode, const Eigen::VectorXd& target, const Eigen::VectorXd& given) {
  const Eigen::VectorXd action = clipped(mode, given);
  if (mode.joints) return target + kUnit * action;
  Eigen::VectorXd next(6);
  const Eigen::Vector3d angles = target.tail<3>();
  const Eigen::Matrix3d turn = rotation_of_euler_xyz(kRotationUnit * action.tail<3>());
  next << target.head<3>() + kUnit * action.head<3>(),
      nearest(euler_xyz_of_rotation(turn * rotation_of_euler_xyz(angles)), angles);
  return next;
}

Eigen::VectorXd movement(const Mode& mode, const Eigen::VectorXd& from, const Eigen::VectorXd& to) {
  if (mode.joints) return (to - from) / kUnit;
  Eigen::VectorXd action(6);
  const Eigen::Matrix3d turn = rotation_of_euler_xyz(to.tail<3>()) * rotation_of_euler_xyz(from.tail<3>()).transpose();
  action << (to.head<3>() - from.head<3>()) / kUnit, euler_xyz_of_rotation(turn) / kRotationUnit;
  return action;
}

// The target before the first action: where the robot stands.
Eigen::VectorXd start_of(const Episode& episode, const Mode& mode, const std::optional<Eigen::Isometry3d>& hand) {
  const Eigen::Index width = episode.actions.cols() - 1;
  if (mode.joints && episode.states.cols() >= width) return episode.states.row(0).head(width).cast<double>();
  if (!mode.joints && hand && width == 6) {
    Eigen::VectorXd pose(6);
    pose << hand->translation(), euler_xyz_of_rotation(hand->linear());
    return pose;
  }
  throw FormatError({"actions cannot be converted without knowing where the robot began", episode.info.source,
                     mode.joints ? "fewer joint positions than joints" : "no pose of the hand",
                     mode.joints ? "obs/agent/qpos" : "obs/extra/tcp_pose and env_states/articulations",
                     "record them, or train in the control mode of the demonstrations"});
}

void check_reach(const Mode& mode, const Eigen::VectorXd& action, const Episode& episode, Eigen::Index row) {
  const double excess = (action - clipped(mode, action)).cwiseAbs().maxCoeff();
  if (excess <= kTolerance) return;
  throw FormatError({"a movement is larger than the control mode allows in one step",
                     episode.info.source + ": action " + std::to_string(row),
                     "by " + std::to_string(excess) + " of its range", "movements within the range",
                     "train in the control mode of the demonstrations"});
}

// Both modes; throws where no formula leads from one to the other.
std::pair<Mode, Mode> modes_of(const std::string& from, const std::string& to) {
  const auto given = kModes.find(from), wanted = kModes.find(to);
  if (given != kModes.end() && wanted != kModes.end() && given->second.joints == wanted->second.joints) {
    return {given->second, wanted->second};
  }
  throw ConfigError({"there is no exact conversion between the two control modes", "control_mode", from + " to " + to,
                     "pd_joint_pos and pd_joint_target_delta_pos, or pd_ee_pose and pd_ee_target_delta_pose",
                     "leave control_mode empty, or convert the demonstrations with ManiSkill's replay_trajectory"});
}

}  // namespace

Episode convert_actions(Episode episode, const std::string& control_mode,
                        const std::optional<Eigen::Isometry3d>& hand) {
  if (episode.info.control_mode == control_mode) return episode;
  const auto [given, wanted] = modes_of(episode.info.control_mode, control_mode);
  Eigen::VectorXd target = start_of(episode, given, hand);
  for (Eigen::Index row = 0; row < episode.actions.rows(); ++row) {
    auto columns = episode.actions.row(row).head(target.size());
    const Eigen::VectorXd action = columns.transpose().cast<double>();
    const Eigen::VectorXd next = given.relative ? moved(given, target, action) : action;
    const Eigen::VectorXd converted = wanted.relative ? movement(wanted, target, next) : next;
    if (wanted.relative) check_reach(wanted, converted, episode, row);
    columns = converted.transpose().cast<float>();
    target = next;
  }
  episode.info.control_mode = control_mode;
  return episode;
}

}  // namespace physgen
