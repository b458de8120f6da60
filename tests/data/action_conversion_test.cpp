
#include <physgen/data/demonstration_dataset.h>

#include "core/rigid_transform.h"
#include "data/action_conversion.h"
#include "data/demonstration_fixture.h"

namespace physgen {
namespace {

Episode joint_episode() {
  Episode episode;
  episode.info.source = "a.h5:traj_0";
  episode.info.control_mode = "pd_joint_pos";
  episode.actions.resize(3, 3);
  episode.actions << 0.05f, -0.02f, 1, 0.12f, -0.02f, 1, 0.1f, 0.03f, -1;
  episode.states.resize(4, 4);
  episode.states << 0, 0.01f, 9, 9, 1, 1, 9, 9, 1, 1, 9, 9, 1, 1, 9, 9;
  return episode;
}

TEST(ConvertActions, JointTargetsBecomeTheWayFromOneToTheNext) {
  const Episode relative = convert_actions(joint_episode(), "pd_joint_target_delta_pos", {});
  Matrix expected(3, 3);
  expected << 0.5f, -0.3f, 1, 0.7f, 0, 1, -0.2f, 0.5f, -1;
  EXPECT_TRUE(relative.actions.isApprox(expected, 1e-5f)) << relative.actions;
  EXPECT_EQ(relative.info.control_mode, "pd_joint_target_delta_pos");
  const Episode back = convert_actions(relative, "pd_joint_pos", {});
  EXPECT_TRUE(back.actions.isApprox(joint_episode().actions, 1e-5f)) << back.actions;
}

// The second target is the one that ManiSkill 3.0.1's controller computes from the first and this action.
TEST(ConvertActions, PosesOfTheHandTurnAsTheControllerTurnsThem) {
  Eigen::Isometry3d hand = Eigen::Isometry3d::Identity();
  hand.linear() = rotation_of_euler_xyz({3.0, 0.1, -0.4});
  hand.translation() << 0.5, 0, 0.2;
  Episode relative;
  relative.info.control_mode = "pd_ee_target_delta_pose";
  relative.actions.resize(2, 7);
  relative.actions << 0.1f, 0, -0.5f, 0.5f, -0.2f, 0.3f, 1, 0, 0.2f, 0, 0, 0, 0, -1;
  const Episode absolute = convert_actions(relative, "pd_ee_pose", hand);
  Matrix expected(2, 7);
  expected << 0.51f, 0, 0.15f, 2.94733221f, 0.07593088f, -0.37305193f, 1,  //
      0.51f, 0.02f, 0.15f, 2.94733221f, 0.07593088f, -0.37305193f, -1;
  EXPECT_TRUE(absolute.actions.isApprox(expected, 1e-5f)) << absolute.actions;
  EXPECT_TRUE(convert_actions(absolute, "pd_ee_target_delta_pose", hand).actions.isApprox(relative.actions, 1e-4f));
}

// A hand that points down is at a roll of pi: turning through it must not jump to -pi. And what the controller would
// clip is clipped: joints and positions by themselves, rotations by their norm.
TEST(ConvertActions, TargetsAreContinuousAndClippedAsTheControllerClips) {
  Eigen::Isometry3d hand = Eigen::Isometry3d::Identity();
  hand.linear() = rotation_of_euler_xyz({3.1, 0, 0});
  Episode relative;
  relative.info.control_mode = "pd_ee_target_delta_pose";
  relative.actions.resize(2, 7);
  relative.actions << 3, 0, 0, -0.6f, 0, 0, 1, 0, 0, 0, -3, 0, 0, 1;
  const Episode absolute = convert_actions(relative, "pd_ee_pose", hand);
  Matrix expected(2, 7);
  expected << 0.1f, 0, 0, 3.16f, 0, 0, 1, 0.1f, 0, 0, 3.26f, 0, 0, 1;
  EXPECT_TRUE(absolute.actions.isApprox(expected, 1e-5f)) << absolute.actions;
}

TEST(ConvertActions, WhatHasNoExactConversionIsRefused) {
  const auto problem = [](Episode episode, const char* to) {
    try {
      convert_actions(std::move(episode), to, {});
    } catch (const Error& error) {
      return error.problem();
    }
    return Problem{};
  };
  EXPECT_EQ(problem(joint_episode(), "pd_ee_delta_pose").got, "pd_joint_pos to pd_ee_delta_pose");
  EXPECT_EQ(problem(joint_episode(), "pd_ee_pose").where, "control_mode");
  Episode fast = joint_episode();
  fast.actions(1, 0) = 0.3f;
  EXPECT_EQ(problem(fast, "pd_joint_target_delta_pos").where, "a.h5:traj_0: action 1");
  Episode blind = joint_episode();
  blind.states.resize(0, 0);
  EXPECT_EQ(problem(blind, "pd_joint_target_delta_pos").expected, "obs/agent/qpos");
  Episode pose = joint_episode();
  pose.info.control_mode = "pd_ee_pose";
  EXPECT_EQ(problem(pose, "pd_ee_target_delta_pose").got, "no pose of the hand");
}

class HandOfAnEpisode : public DemonstrationFixture {
 protected:
  void add(const std::string& name, const std::vector<float>& row) {
    const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    std::vector<float> rows;
    for (int64_t i = 0; i < 6; ++i) rows.insert(rows.end(), row.begin(), row.end());
    write_dataset(file, "traj_0/" + name, H5T_NATIVE_FLOAT, {6, row.size()}, rows.data());
    H5Fclose(file);
  }
};

TEST_F(HandOfAnEpisode, IsSeenFromTheRobotsBase) {
  EXPECT_FALSE(DemonstrationDataset({path_}).read_hand(0));
  add("obs/extra/tcp_pose", {0.1f, 0.2f, 0.3f, 0, 1, 0, 0});
  EXPECT_FALSE(DemonstrationDataset({path_}).read_hand(0));
  add("env_states/articulations/panda", {-0.615f, 0, 0, 1, 0, 0, 0, 7, 7, 7});
  const auto hand = DemonstrationDataset({path_}).read_hand(0);
  ASSERT_TRUE(hand);
  EXPECT_TRUE(hand->translation().isApprox(Eigen::Vector3d(0.715, 0.2, 0.3), 1e-6));
  EXPECT_TRUE((hand->linear() * Eigen::Vector3d::UnitZ()).isApprox(-Eigen::Vector3d::UnitZ()));
}

}  // namespace
}  // namespace physgen
