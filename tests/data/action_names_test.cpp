#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/action_names.h"

namespace physgen {
namespace {

using testing::ElementsAre;

TEST(ActionNames, SayWhatAColumnMeans) {
  EXPECT_THAT(action_names("pd_joint_pos", 3), ElementsAre("joint 1 (rad)", "joint 2 (rad)", "gripper"));
  EXPECT_THAT(action_names("pd_joint_delta_pos", 2), ElementsAre("joint 1", "gripper"));
  EXPECT_THAT(action_names("pd_ee_delta_pose", 7), ElementsAre("x", "y", "z", "roll", "pitch", "yaw", "gripper"));
  EXPECT_THAT(action_names("pd_ee_pos", 4), ElementsAre("x (m)", "y (m)", "z (m)", "gripper"));
}

TEST(ActionNames, UnknownColumnsAreNumbered) {
  EXPECT_THAT(action_names("my_own", 2), ElementsAre("action 1", "action 2"));
  EXPECT_THAT(action_names("pd_ee_pose", 5).size(), 5u);
}

}  // namespace
}  // namespace physgen
