#include <gmock/gmock.h>

#include <cmath>

#include "data/lerobot_fixture.h"

namespace physgen {
namespace {

using testing::HasSubstr;

/// A robot's data of 30 control steps a second: episodes of 5, 30 and 3.
class ResampledFileTest : public LeRobotTest {
 protected:
  void SetUp() override {
    LeRobotTest::SetUp();
    if (IsSkipped()) return;
    convert({.frames_per_second = 30});
    set_info({{"physgen", nullptr}});
  }

  DemonstrationDataset at(double rate) const { return DemonstrationDataset({folder_}, "", rate); }
};

TEST_F(ResampledFileTest, TakesWhatIsNearestInTime) {
  const DemonstrationDataset source({folder_});
  for (const double rate : {10.0, 20.0, 45.0, 29.97}) {
    const DemonstrationDataset dataset = at(rate);
    EXPECT_EQ(dataset.recording().frames_per_second, rate);
    const auto frames = dataset.open_frames(1, "front"), recorded = source.open_frames(1, "front");
    const Episode found = dataset.read(1), expected = source.read(1);
    ASSERT_EQ(found.actions.rows(), static_cast<int64_t>(rate + 1e-6));  // the episode lasts a second
    for (int64_t step = 0; step <= found.actions.rows(); ++step) {
      const int64_t row = std::min<int64_t>(std::llround(static_cast<double>(step) * 30 / rate), 30);
      EXPECT_EQ(found.states.row(step), expected.states.row(row)) << rate << " " << step;
      EXPECT_EQ(frames->read(step), recorded->read(row)) << rate << " " << step;
      if (step == found.actions.rows()) break;
      EXPECT_EQ(found.actions.row(step), expected.actions.row(std::min<int64_t>(row, 29))) << rate << " " << step;
    }
  }
}

TEST_F(ResampledFileTest, JointsMovementsAreAddedUp) {
  set_info({{"physgen", {{"control_mode", "joint_delta"}}}});
  const Matrix recorded = DemonstrationDataset({folder_}).read(1).actions;
  const Matrix actions = at(10).read(1).actions;
  ASSERT_EQ(actions.rows(), 10);
  for (int64_t step = 0; step < 10; ++step) {
    const Eigen::RowVectorXf sum = recorded.middleRows(3 * step, 3).colwise().sum();
    for (int64_t joint = 0; joint < 7; ++joint) EXPECT_FLOAT_EQ(actions(step, joint), sum(joint));
    EXPECT_EQ(actions(step, 7), recorded(3 * step + 2, 7));  // the gripper
  }
  EXPECT_THAT(problem_of<ConfigError>([&] { at(20); }).got, HasSubstr("30 steps to 20"));
  EXPECT_THAT(problem_of<ConfigError>([&] { at(60); }).got, HasSubstr("30 steps to 60"));
}

TEST_F(ResampledFileTest, SetsOfDifferentRatesBecomeOne) {
  const TemporaryFolder other;
  write_lerobot(DemonstrationDataset({folder_}), other.path(), {.frames_per_second = 50});
  const std::vector<std::string> both = {folder_, other.path().string()};
  EXPECT_THAT(problem_of<ConfigError>([&] { DemonstrationDataset{both}; }).next_step, HasSubstr("--resample HZ"));
  const DemonstrationDataset mixed(both, "", 25);
  EXPECT_EQ(mixed.info(1).control_steps, 25);
  EXPECT_EQ(mixed.info(4).control_steps, 15);
}

TEST_F(ResampledFileTest, RefusesWhatHasNoOtherRate) {
  EXPECT_THAT(problem_of<ConfigError>([&] { DemonstrationDataset({source_}, "", 10); }).got, HasSubstr("pd_joint_pos"));
  EXPECT_EQ(problem_of<ConfigError>([&] { at(1); }).got, "5 steps");
  set_info({{"physgen", {{"control_mode", "ee_delta_pose"}}}});
  EXPECT_THAT(problem_of<ConfigError>([&] { at(10); }).got, HasSubstr("ee_delta_pose"));
}

}  // namespace
}  // namespace physgen
