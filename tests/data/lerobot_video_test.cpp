#include <gmock/gmock.h>

#include <utility>
#include <vector>

#include <physgen/data/demonstration_check.h>

#include "data/lerobot_fixture.h"
#ifdef PHYSGEN_HAS_ARROW
#include "data/lerobot_meta_writer.h"
#endif

namespace physgen {
namespace {

using testing::HasSubstr;

/// Frames that tell by their shade where they belong.
class LeRobotVideoTest : public LeRobotTest {
 protected:
  void SetUp() override {
    LeRobotTest::SetUp();
    if (IsSkipped()) return;
    const hid_t file = H5Fopen(source_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    for (const auto& [episode, frames] : {std::pair{0, 6}, {1, 31}, {2, 4}}) {
      std::vector<uint8_t> pixels;
      for (int64_t frame = 0; frame < frames; ++frame) pixels.insert(pixels.end(), 48 * 64 * 3, shade(episode, frame));
      const std::string name = "traj_" + std::to_string(episode) + "/obs/sensor_data/front/rgb";
      H5Ldelete(file, name.c_str(), H5P_DEFAULT);
      write_dataset(file, name, H5T_NATIVE_UINT8, {static_cast<hsize_t>(frames), 48, 64, 3}, pixels.data());
    }
    H5Fclose(file);
  }

  static uint8_t shade(int64_t episode, int64_t frame) { return static_cast<uint8_t>(60 * episode + 4 * frame + 20); }

  static void expect_frames(const DemonstrationDataset& written) {
    for (const auto& [episode, frame] : {std::pair{0, 0}, {2, 3}, {1, 0}, {1, 30}, {1, 2}, {0, 5}}) {
      const Image image = written.read_frame(episode, "front", frame);
      ASSERT_EQ(image.pixels.size(), 48u * 64 * 3);
      EXPECT_NEAR(image.pixels[3000], shade(episode, frame), 2) << episode << " " << frame;
    }
  }
};

TEST_F(LeRobotVideoTest, AVideoHoldsTheFramesOfAllEpisodesInTheirPlaces) {
  expect_frames(convert({.pictures = LeRobotPictures::mp4}));
}

TEST_F(LeRobotVideoTest, EpisodesGoOnInFurtherFiles) {
  expect_frames(convert({.pictures = LeRobotPictures::mp4, .data_file_megabytes = 0, .video_frames = 30}));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/data/chunk-000/file-002.parquet"));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/videos/observation.images.front/chunk-000/file-001.mp4"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/videos/observation.images.front/chunk-000/file-002.mp4"));
  EXPECT_TRUE(check_demonstrations({folder_}, "").problems.empty());
}

// The camera ran faster than info.json says: rows and video agree with each other, and tell.
TEST_F(LeRobotVideoTest, TheRowsClockFindsThePictures) {
  const LeRobotOptions options{.pictures = LeRobotPictures::mp4, .frames_per_second = 21};
  std::filesystem::create_directory(folder_);
  write_lerobot(DemonstrationDataset({source_}), folder_, options);
  set_info({{"fps", 20}});
  expect_frames(DemonstrationDataset({folder_}));
  EXPECT_TRUE(check_demonstrations({folder_}, "").problems.empty());
}

#ifdef PHYSGEN_HAS_ARROW
/// Places the episodes of `source_` anew: each `late` frames after where it lies.
void move_episodes(const std::string& folder, std::vector<int64_t> late) {
  std::vector<LeRobotRow> rows;
  int64_t first = 0;
  for (const int64_t count : {6, 31, 4}) {
    LeRobotRow row{{"push"}, true, count, 0, first, {}, {}};
    for (const char* camera : {"front", "side"}) {
      row.videos[std::string("observation.images.") + camera] = {0, first + late[rows.size()]};
    }
    rows.push_back(row);
    first += count;
  }
  write_lerobot_episodes(folder, rows, 20);
}

TEST_F(LeRobotVideoTest, AnEpisodeThatBeginsAFrameOffIsRefused) {
  convert({.pictures = LeRobotPictures::mp4});
  move_episodes(folder_, {0, 0, 0});
  expect_frames(DemonstrationDataset({folder_}));
  for (const std::vector<int64_t>& late : {std::vector<int64_t>{1, 0, 0}, {0, -1, 0}, {0, 1, 0}, {0, 0, -1}}) {
    move_episodes(folder_, late);
    const Problem problem = open_problem();
    EXPECT_EQ(problem.what, "two episodes share frames of a video");
    EXPECT_THAT(problem.where, HasSubstr("episodes"));
  }
  move_episodes(folder_, {0, 0, 1});  // past the end of the video
  const DemonstrationDataset dataset({folder_});
  const Problem problem = problem_of<FormatError>([&] { dataset.read_frame(2, "front", 3); });
  EXPECT_EQ(problem.what, "a video has no frame at this time");
  EXPECT_THAT(problem.where, HasSubstr("episode_2, row 3"));
}
#endif

}  // namespace
}  // namespace physgen
