#include "core/rigid_transform.h"

#include <gtest/gtest.h>

namespace physgen {
namespace {

// The numbers of mani_skill.utils.geometry.rotation_conversions 3.0.1, convention "XYZ".
TEST(RigidTransform, EulerAnglesAreManiSkills) {
  const Eigen::Vector3d angles(0.3, -0.7, 1.1);
  Eigen::Matrix3d expected;
  expected << 0.34692945, -0.68163299, -0.64421769, 0.76504758, 0.6030044, -0.22602632, 0.5425331, -0.41444199,
      0.73068165;
  EXPECT_TRUE(rotation_of_euler_xyz(angles).isApprox(expected, 1e-7));
  EXPECT_TRUE(euler_xyz_of_rotation(expected).isApprox(angles, 1e-7));
}

TEST(RigidTransform, APoseTurnsThenMoves) {
  Eigen::Matrix<double, 7, 1> pose;
  pose << 1, 2, 3, 0.81862927, -0.05753999, -0.36242009, 0.44179967;
  const Eigen::Isometry3d transform = transform_of_pose(pose);
  EXPECT_TRUE(transform.linear().isApprox(rotation_of_euler_xyz({0.3, -0.7, 1.1}), 1e-7));
  EXPECT_TRUE((transform * Eigen::Vector3d::Zero()).isApprox(Eigen::Vector3d(1, 2, 3)));
  EXPECT_TRUE((transform.inverse() * transform).isApprox(Eigen::Isometry3d::Identity()));
}

}  // namespace
}  // namespace physgen
