#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include <physgen/data/demonstration_check.h>
#include <physgen/data/demonstration_dataset.h>

namespace physgen {
namespace {

using nlohmann::json;
using testing::ElementsAre;

const std::string kGolden = PHYSGEN_SOURCE_DIR "/tests/golden/lerobot/";

/// Data sets that LeRobot wrote, and what LeRobot itself reads from them (scripts/reference/make_lerobot_golden.py).
class LeRobotGolden : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
#ifndef PHYSGEN_HAS_ARROW
    GTEST_SKIP() << "built without Arrow";
#endif
    std::ifstream file(kGolden + GetParam() + ".json");
    expected_ = json::parse(file)["episodes"];
  }

  void expect_numbers(const Matrix& numbers, const json& rows) const {
    ASSERT_EQ(numbers.cols(), static_cast<int64_t>(rows[0].size()));
    for (int64_t row = 0; row < numbers.rows(); ++row) {
      for (int64_t column = 0; column < numbers.cols(); ++column) {
        EXPECT_FLOAT_EQ(numbers(row, column), rows[row][column].get<float>()) << row << " " << column;
      }
    }
  }

  void expect_frame(const Image& image, const json& mean, const json& corner) const {
    for (size_t channel = 0; channel < 3; ++channel) {
      double sum = 0;
      for (size_t i = channel; i < image.pixels.size(); i += 3) sum += image.pixels[i];
      const double found = sum / static_cast<double>(image.height * image.width);
      EXPECT_NEAR(found, mean[channel].get<double>(), 0.01);
      EXPECT_EQ(image.pixels[channel], corner[channel].get<int>());
    }
  }

  json expected_;
};

TEST_P(LeRobotGolden, IsReadAsLeRobotReadsIt) {
  const DemonstrationDataset dataset({kGolden + GetParam()});
  EXPECT_THAT(dataset.cameras(), ElementsAre("agentview", "eye_in_hand"));
  EXPECT_EQ(dataset.frame_size("agentview"), std::pair(int64_t{48}, int64_t{64}));
  ASSERT_EQ(dataset.size(), static_cast<int64_t>(expected_.size()));
  for (const int64_t i : {2, 0, 1}) {
    const Episode episode = dataset.read(i);
    const json& expected = expected_[static_cast<size_t>(i)];
    EXPECT_EQ(episode.info.instruction, expected["task"].get<std::string>());
    EXPECT_EQ(episode.info.control_mode, "osc_pose");
    ASSERT_EQ(episode.actions.rows() + 1, static_cast<int64_t>(expected["actions"].size()));
    ASSERT_EQ(episode.states.rows(), episode.actions.rows() + 1);
    expect_numbers(episode.actions, expected["actions"]);
    expect_numbers(episode.states, expected["states"]);
    for (const auto& [key, means] : expected["frames"].items()) {
      const bool wrist = key.ends_with('2') || key.ends_with("wrist_image");
      for (const size_t frame : {means.size() - 1, size_t{0}, means.size() / 2}) {
        SCOPED_TRACE(key + " " + std::to_string(i) + " " + std::to_string(frame));
        const Image image = dataset.read_frame(i, wrist ? "eye_in_hand" : "agentview", static_cast<int64_t>(frame));
        expect_frame(image, means[frame], expected["corner"][key][frame]);
      }
    }
  }
}

TEST_P(LeRobotGolden, HasNoProblems) {
  const DemonstrationCheck check = check_demonstrations({kGolden + GetParam()}, "");
  EXPECT_TRUE(check.problems.empty());
  EXPECT_EQ(check.frames, 2 * (5 + 4 + 6));
}

INSTANTIATE_TEST_SUITE_P(Versions, LeRobotGolden, testing::Values("v20", "v21", "v21_video", "v30_image", "v30_video"),
                         [](const auto& version) { return std::string(version.param); });

}  // namespace
}  // namespace physgen
