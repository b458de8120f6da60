#include "core/rigid_transform.h"

#include <algorithm>
#include <cmath>

namespace physgen {

Eigen::Matrix3d rotation_of_euler_xyz(const Eigen::Vector3d& angles) {
  using Eigen::AngleAxisd, Eigen::Vector3d;
  return (AngleAxisd(angles.x(), Vector3d::UnitX()) * AngleAxisd(angles.y(), Vector3d::UnitY()) *
          AngleAxisd(angles.z(), Vector3d::UnitZ()))
      .toRotationMatrix();
}

Eigen::Vector3d euler_xyz_of_rotation(const Eigen::Matrix3d& rotation) {
  return {std::atan2(-rotation(1, 2), rotation(2, 2)), std::asin(std::clamp(rotation(0, 2), -1.0, 1.0)),
          std::atan2(-rotation(0, 1), rotation(0, 0))};
}

Eigen::Isometry3d transform_of_pose(const Eigen::Matrix<double, 7, 1>& pose) {
  const Eigen::Quaterniond rotation(pose(3), pose(4), pose(5), pose(6));
  Eigen::Isometry3d transform = Eigen::Isometry3d::Identity();
  transform.linear() = rotation.normalized().toRotationMatrix();
  transform.translation() = pose.head<3>();
  return transform;
}

}  // namespace physgen
