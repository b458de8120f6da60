
#include <gtest/gtest.h>

#include "codec/pixels.h"
#include "support/problem_of.h"
#include "train/calibration_windows.h"
#include "train/tiny_run.h"

namespace physgen {
namespace {

class CalibrationWindowsTest : public testing::Test {
 protected:
  CalibrationWindowsTest() : sets_(read_demonstrations({tiny_.data()}, "", 0, 1)) {
    policy_ = tiny_policy_config();
    policy_.model.codec.state_token = true;
    describe_data(sets_, Normalization::min_max, policy_);
  }

  TinyRun tiny_;
  std::vector<DemonstrationSet> sets_;
  PolicyConfig policy_;
};

TEST_F(CalibrationWindowsTest, TheyAreWhatAPolicyWouldSee) {
  const std::vector<CalibrationWindow> windows = calibration_windows(sets_, policy_, 5);
  ASSERT_EQ(windows.size(), 5u);
  for (const CalibrationWindow& window : windows) {
    EXPECT_EQ(window.frames.sizes(), (std::vector<int64_t>{3, 16, 16, 3}));
    EXPECT_EQ(window.frames.scalar_type(), at::kByte);
    EXPECT_EQ(window.actions.sizes(), (std::vector<int64_t>{3, 4, 3}));
    EXPECT_EQ(window.states.sizes(), (std::vector<int64_t>{3, 5}));
    EXPECT_EQ(window.actions[0].abs().max().item<double>(), 0);
    EXPECT_EQ(window.instruction, sets_[0].episodes[0].info.instruction);
  }
  EXPECT_FALSE(at::equal(windows.front().frames, windows.back().frames));
}

// Of as many windows as there are, the first begins with the first frame of the first episode.
TEST_F(CalibrationWindowsTest, FramesActionsAndStatesAreTheEpisodes) {
  const std::vector<CalibrationWindow> all = calibration_windows(sets_, policy_, 1000);
  EXPECT_EQ(all.size(), 12u + 9 + 7 + 10);
  const Episode& episode = sets_[0].episodes[0];
  for (int64_t pack = 0; pack < 3; ++pack) {  // 4 control steps apart
    const Image frame = sets_[0].dataset.read_frame(0, "render_camera", 4 * pack);
    EXPECT_TRUE(at::equal(all[0].frames[pack], view_of(compose_canvas({frame}, policy_.canvas)))) << pack;
    const Matrix state = policy_.states.normalize(episode.states.row(4 * pack));
    EXPECT_NEAR(all[0].states[pack][2].item<float>(), state(0, 2), 1e-6);
    if (pack == 0) continue;
    const Matrix led = policy_.actions.normalize(episode.actions.middleRows(4 * (pack - 1), 4));
    EXPECT_NEAR(all[0].actions[pack][3][1].item<float>(), led(3, 1), 1e-6);
  }
}

TEST_F(CalibrationWindowsTest, AnotherRobotsDemonstrationsAreRefused) {
  policy_.model.codec.action_width = 7;
  EXPECT_EQ(problem_of<ConfigError>([&] { calibration_windows(sets_, policy_, 5); }).expected, "7");
}

TEST(CalibratedPrecision, NothingIsTrainedInInt8) {
  FinetuneConfig config;
  config.precision = Precision::int8;
  EXPECT_EQ(problem_of<ConfigError>([&] { check(config); }).where, "precision");
}

}  // namespace
}  // namespace physgen
