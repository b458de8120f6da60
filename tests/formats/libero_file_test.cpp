#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <physgen/data/demonstration_check.h>
#include <physgen/data/demonstration_dataset.h>

#include "data/demonstration_writer.h"
#include "formats/libero_file.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr hsize_t kRows = 4, kHeight = 2, kWidth = 3;

double action(int64_t episode, hsize_t row) {
  return 0.05 * static_cast<double>(episode) + 0.01 * static_cast<double>(row);
}

uint8_t pixel(hsize_t row, hsize_t place) { return static_cast<uint8_t>(50 * row + place); }

void write_episode(hid_t file, int64_t episode) {
  const std::string name = "data/demo_" + std::to_string(episode) + "/";
  std::vector<double> actions, hand, fingers;
  std::vector<uint8_t> pixels;
  for (hsize_t row = 0; row < kRows; ++row) {
    actions.insert(actions.end(), 7, action(episode, row));
    hand.insert(hand.end(), 6, static_cast<double>(row));
    fingers.insert(fingers.end(), 2, -static_cast<double>(row));
    for (hsize_t place = 0; place < kHeight * kWidth * 3; ++place) pixels.push_back(pixel(row, place));
  }
  write_dataset(file, name + "actions", H5T_NATIVE_DOUBLE, {kRows, 7}, actions.data());
  write_dataset(file, name + "obs/ee_states", H5T_NATIVE_DOUBLE, {kRows, 6}, hand.data());
  write_dataset(file, name + "obs/gripper_states", H5T_NATIVE_DOUBLE, {kRows, 2}, fingers.data());
  for (const char* camera : {"agentview_rgb", "eye_in_hand_rgb"}) {
    write_dataset(file, name + "obs/" + camera, H5T_NATIVE_UINT8, {kRows, kHeight, kWidth, 3}, pixels.data(), true);
  }
}

class LiberoFileTest : public testing::Test {
 protected:
  LiberoFileTest() { write(true); }

  // As LIBERO publishes it, or without any attribute, as OpenVLA regenerates it.
  void write(bool published) {
    const hid_t file = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    for (const int64_t episode : {10, 2}) write_episode(file, episode);
    if (published) {
      const hid_t data = H5Gopen2(file, "data", H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
      H5Aclose(H5Acreate2(data, "problem_info", H5T_C_S1, space, H5P_DEFAULT, H5P_DEFAULT));
      H5Sclose(space);
      H5Gclose(data);
    }
    H5Fclose(file);
  }

  TemporaryFolder folder_;
  const std::string path_ = (folder_.path() / "KITCHEN_SCENE3_turn_on_the_stove_demo.hdf5").string();
};

TEST_F(LiberoFileTest, EpisodesAreInTheOrderOfTheirNumbers) {
  const DemonstrationDataset dataset({folder_.path().string()});
  ASSERT_EQ(dataset.size(), 2);
  EXPECT_THAT(dataset.info(0).source, HasSubstr("demo_2"));
  EXPECT_THAT(dataset.info(1).source, HasSubstr("demo_10"));
  EXPECT_EQ(dataset.info(0).task, "KITCHEN_SCENE3_turn_on_the_stove");
  EXPECT_EQ(dataset.info(0).instruction, "turn on the stove");
  EXPECT_EQ(dataset.info(0).control_mode, "osc_pose");
  EXPECT_THAT(dataset.cameras(), ElementsAre("agentview", "eye_in_hand"));
  EXPECT_EQ(dataset.action_width(), 7);
  EXPECT_EQ(dataset.state_width(), 8);
  EXPECT_TRUE(dataset.seeds_tried().empty());
}

TEST_F(LiberoFileTest, AFrameOfAPublishedFilePairsWithTheActionAfterIt) {
  const DemonstrationDataset dataset({path_});
  const Episode episode = dataset.read(0);
  EXPECT_EQ(episode.info.control_steps, 3);
  ASSERT_EQ(episode.actions.rows(), 3);
  EXPECT_FLOAT_EQ(episode.actions(0, 0), static_cast<float>(action(2, 1)));
  ASSERT_EQ(episode.states.rows(), 4);
  EXPECT_EQ(episode.states(3, 0), 3);
  EXPECT_EQ(episode.states(3, 7), -3);
}

TEST_F(LiberoFileTest, AFrameOfARegeneratedFilePairsWithTheActionBesideIt) {
  write(false);
  const Episode episode = DemonstrationDataset({path_}).read(0);
  ASSERT_EQ(episode.actions.rows(), 3);
  EXPECT_FLOAT_EQ(episode.actions(0, 0), static_cast<float>(action(2, 0)));
}

TEST_F(LiberoFileTest, FramesAreTurnedAround) {
  const Image frame = DemonstrationDataset({path_}).read_frame(0, "agentview", 2);
  EXPECT_EQ(frame.height, 2);
  EXPECT_EQ(frame.width, 3);
  for (int64_t channel = 0; channel < 3; ++channel) {
    EXPECT_EQ(frame.pixels[channel], pixel(2, 15 + channel));  // the first pixel was the last
    EXPECT_EQ(frame.pixels[15 + channel], pixel(2, channel));
  }
}

TEST_F(LiberoFileTest, AnActionOutOfRangeIsNamed) {
  std::vector<double> actions(kRows * 7, 0.5);
  actions[2 * 7 + 3] = -1.5;
  replace_dataset(path_, "data/demo_2/actions", H5T_NATIVE_DOUBLE, {kRows, 7}, actions.data());
  const Problem problem = problem_of<FormatError>([&] { DemonstrationDataset({path_}).read(0); });
  EXPECT_THAT(problem.where, HasSubstr("data/demo_2/actions, row 2, column 3"));
  EXPECT_EQ(check_demonstrations({path_}, "").problems.size(), 1u);
}

TEST_F(LiberoFileTest, ArraysOfOtherLengthsAreNamed) {
  const std::vector<double> fingers(2 * 2);
  replace_dataset(path_, "data/demo_10/obs/gripper_states", H5T_NATIVE_DOUBLE, {2, 2}, fingers.data());
  EXPECT_THAT(problem_of<FormatError>([&] { DemonstrationDataset{{path_}}; }).where, HasSubstr("gripper_states"));
}

TEST(LiberoInstruction, IsTheTasksNameWithoutItsScene) {
  EXPECT_EQ(libero_instruction("pick_up_the_milk_and_place_it_in_the_basket"),
            "pick up the milk and place it in the basket");
  EXPECT_EQ(libero_instruction("LIVING_ROOM_SCENE10_put_it_down"), "put it down");
}

}  // namespace
}  // namespace physgen
