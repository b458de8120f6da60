#include "extending/picture_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include <physgen/data/demonstration_dataset.h>

#include "core/printable.h"
#include "support/mutated.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Rows = std::vector<std::vector<float>>;

// Two episodes, of 3 actions and of 1, in the layout; each test damages them in its own way.
class PictureFolderTest : public testing::Test {
 protected:
  PictureFolderTest() {
    std::filesystem::create_directory(folder_);
    write("robot.json", R"({"control_mode": "joint_pos", "frames_per_second": 10, "robot": "so101",
                            "cameras": ["front", "wrist"], "episodes": 2})");
    write("episode_0.json", numbers({{0.5, 1}, {-2, 0}, {1, 1}}, {{0}, {1}, {2}, {3}}));
    write("episode_1.json", numbers({{7, 8}}, {{4}, {5}}));
    for (int64_t frame = 0; frame < 4; ++frame) write_pictures("episode_0", frame);
    for (int64_t frame = 0; frame < 2; ++frame) write_pictures("episode_1", frame);
  }

  static std::string numbers(const Rows& actions, const Rows& states) {
    return nlohmann::json{{"instruction", "Pour."}, {"actions", actions}, {"states", states}}.dump();
  }

  static Image picture(int64_t frame, bool wrist) {
    return {6, 8, std::vector<uint8_t>(6 * 8 * 3, static_cast<uint8_t>(10 * frame + wrist))};
  }

  void write(const std::string& file, const std::string& text) const { write_bytes(folder_ / file, text); }

  void write_pictures(const std::string& episode, int64_t frame) const {
    for (const std::string camera : {"front", "wrist"}) {
      std::filesystem::create_directories(folder_ / (episode + "/" + camera));
      const std::string path = folder_ / (episode + "/" + camera + "/" + std::to_string(frame) + ".png");
      write_png(path, picture(frame, camera == "wrist"));
    }
  }

  DemonstrationDataset open(const std::string& instruction = "") const {
    return DemonstrationDataset(std::make_unique<PictureFolder>(folder_, instruction));
  }

  const TemporaryFolder above_;
  const std::filesystem::path folder_ = above_ / "my_robot";
};

TEST_F(PictureFolderTest, IsRecognisedByItsRobot) {
  EXPECT_TRUE(is_picture_folder(folder_));
  EXPECT_FALSE(is_picture_folder(folder_ / "episode_0"));
}

TEST_F(PictureFolderTest, GivesTheNumbersThatWereWritten) {
  const DemonstrationDataset dataset = open();
  ASSERT_EQ(dataset.size(), 2);
  EXPECT_EQ(dataset.recording().robot, "so101");
  EXPECT_EQ(dataset.recording().frames_per_second, 10);
  EXPECT_EQ(dataset.info(0).control_mode, "joint_pos");
  EXPECT_EQ(dataset.info(1).instruction, "Pour.");
  EXPECT_EQ(open("Stir.").info(1).instruction, "Stir.");
  const Matrix actions{{0.5, 1}, {-2, 0}, {1, 1}}, states{{0}, {1}, {2}, {3}};
  EXPECT_EQ(dataset.read(0).actions, actions);
  EXPECT_EQ(dataset.read(0).states, states);
}

TEST_F(PictureFolderTest, GivesThePicturesOfEachCamera) {
  const DemonstrationDataset dataset = open();
  EXPECT_THAT(dataset.cameras(), ElementsAre("front", "wrist"));
  EXPECT_EQ(dataset.frame_size("wrist"), (std::pair<int64_t, int64_t>{6, 8}));
  const auto wrist = dataset.open_frames(0, "wrist");
  for (int64_t frame = 0; frame < 4; ++frame) {
    EXPECT_EQ(wrist->read(frame), picture(frame, true));
    EXPECT_EQ(dataset.read_frame(0, "front", frame), picture(frame, false));
  }
  EXPECT_THROW(wrist->read(4), FormatError);
}

TEST_F(PictureFolderTest, RefusesNumbersThatDoNotFitEachOther) {
  const auto problem_with = [&](const Rows& actions, const Rows& states) {
    write("episode_0.json", numbers(actions, states));
    return problem_of<FormatError>([&] { open(); });
  };
  EXPECT_THAT(problem_with({}, {{0}}).expected, HasSubstr("at least one row"));
  EXPECT_THAT(problem_with({{1, 2}}, {{0}}).got, HasSubstr("1 rows"));
  EXPECT_THAT(problem_with({{1, 2}, {1}}, {{0}, {1}, {2}}).where, HasSubstr("episode_0.json, line 1: actions[1]"));
  write("episode_0.json", R"({"instruction": "Pour.", "actions": [[1e39]]})");
  EXPECT_THAT(problem_of<FormatError>([&] { open(); }).where, HasSubstr("actions[0][0]"));
}

TEST_F(PictureFolderTest, RefusesPicturesThatAreMissingOrOfAnotherSize) {
  std::filesystem::remove(folder_ / "episode_0/front/2.png");
  write_png(folder_ / "episode_0/wrist/3.png", {1, 1, {1, 2, 3}});
  const DemonstrationDataset dataset = open();
  EXPECT_THAT(problem_of<FormatError>([&] { dataset.read_frame(0, "front", 2); }).where, HasSubstr("front/2.png"));
  EXPECT_EQ(problem_of<FormatError>([&] { dataset.read_frame(0, "wrist", 3); }).expected, "6 x 8");
}

TEST_F(PictureFolderTest, LooksForNoPicturesElsewhere) {
  write("robot.json", R"({"control_mode": "joint_pos", "cameras": ["../episode_1/front"], "episodes": 2})");
  EXPECT_THAT(problem_of<FormatError>([&] { open(); }).where, HasSubstr("cameras[0]"));
}

TEST_F(PictureFolderTest, DamagedAtRandomIsReadOrRefusedByWordsAlone) {
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 200; ++round) {
    const std::string file = round % 2 ? "robot.json" : "episode_0.json", whole = read_bytes(folder_ / file);
    write(file, mutated(whole, random));
    try {
      open().read(0);
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(to_text(error.problem()), printable(to_text(error.problem())));
    }
    write(file, whole);
  }
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace physgen
