#pragma once

#include <Eigen/Geometry>

namespace physgen {

/// The rotation Rx(a) Ry(b) Rz(c). @param angles  a, b, c in radians
Eigen::Matrix3d rotation_of_euler_xyz(const Eigen::Vector3d& angles);

/// The angles a, b, c of Rx(a) Ry(b) Rz(c), b within [-pi/2, pi/2], radians.
Eigen::Vector3d euler_xyz_of_rotation(const Eigen::Matrix3d& rotation);

/// The transform of a position and a quaternion, [x, y, z, w, i, j, k] as SAPIEN writes poses; metres.
Eigen::Isometry3d transform_of_pose(const Eigen::Matrix<double, 7, 1>& pose);

}  // namespace physgen
