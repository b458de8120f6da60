#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <thread>

#include "data/demonstration_fixture.h"
#include "data/demonstration_search.h"
#include "support/duplicate_key.h"

namespace physgen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class DemonstrationDatasetTest : public DemonstrationFixture {};

TEST_F(DemonstrationDatasetTest, ReadsWhatWasWritten) {
  const DemonstrationDataset dataset({path_});
  ASSERT_EQ(dataset.size(), 2);
  EXPECT_EQ(dataset.info(1).source, path_ + ":traj_1");
  EXPECT_EQ(dataset.info(1).task, "PushCube-v1");
  EXPECT_EQ(dataset.info(1).control_mode, "pd_joint_pos");
  EXPECT_EQ(dataset.info(1).control_steps, 3);
  EXPECT_EQ(dataset.info(1).seed, 102);
  EXPECT_EQ(dataset.action_width(), 8);
  EXPECT_EQ(dataset.state_width(), 9);
  EXPECT_EQ(dataset.frame_size("render_camera"), std::pair(int64_t{12}, int64_t{20}));
  const Episode episode = dataset.read(0);
  ASSERT_EQ(episode.actions.rows(), 5);
  ASSERT_EQ(episode.states.rows(), 6);
  EXPECT_EQ(episode.actions(4, 7), sketch_.action(0, 4, 7));
  EXPECT_EQ(episode.states(5, 8), sketch_.action(0, 5, 8));
  const Image frame = dataset.read_frame(1, "render_camera", 3);
  ASSERT_EQ(frame.pixels.size(), 12u * 20 * 3);
  EXPECT_EQ(frame.pixels[0], sketch_.pixel(1, 3, 0));
  EXPECT_EQ(frame.pixels.back(), sketch_.pixel(1, 3, 12 * 20 * 3 - 1));
}

TEST_F(DemonstrationDatasetTest, SearchesFoldersAndSortsEpisodesByNumber) {
  DemonstrationSketch many;
  many.steps = std::vector<int64_t>(11, 2);
  write_demonstrations(folder_ + "/b/deep/er.h5", many);
  const DemonstrationDataset dataset({folder_, path_});
  ASSERT_EQ(dataset.size(), 2 + 11);
  EXPECT_THAT(dataset.info(0).source, HasSubstr("push.h5:traj_0"));
  EXPECT_THAT(dataset.info(4).source, HasSubstr("er.h5:traj_2"));
  EXPECT_THAT(dataset.info(12).source, HasSubstr("er.h5:traj_10"));
  EXPECT_THAT(dataset.seeds_tried(), ElementsAre(Pair(100, 102), Pair(100, 120)));
}

TEST_F(DemonstrationDatasetTest, OffersTheCamerasThatEveryEpisodeHas) {
  DemonstrationSketch wrist;
  wrist.cameras = {"hand_camera", "render_camera", "base_camera"};
  write_demonstrations(path_, wrist);
  EXPECT_THAT(DemonstrationDataset({path_}).cameras(), ElementsAre("base_camera", "hand_camera", "render_camera"));
  remove_object(path_, "traj_1/obs/sensor_data/base_camera");
  EXPECT_THAT(DemonstrationDataset({path_}).cameras(), ElementsAre("hand_camera", "render_camera"));
}

TEST_F(DemonstrationDatasetTest, TakesTheInstructionFromTheArgumentThenTheJsonThenTheTask) {
  EXPECT_EQ(DemonstrationDataset({path_}).info(0).instruction, "Push and move a cube to a goal region in front of it.");
  auto root = json();
  root["instruction"] = "push it";
  root["seeds_tried"] = {7, 200};
  write_json(path_, root);
  EXPECT_EQ(DemonstrationDataset({path_}).info(0).instruction, "push it");
  EXPECT_THAT(DemonstrationDataset({path_}).seeds_tried(), ElementsAre(Pair(7, 200)));
  EXPECT_EQ(DemonstrationDataset({path_}, "go on").info(0).instruction, "go on");
  root.erase("instruction");
  root["env_info"]["env_id"] = "MyRobot-v3";
  write_json(path_, root);
  const Problem problem = open_problem();
  EXPECT_THAT(problem.what, HasSubstr("no instruction"));
  EXPECT_THAT(problem.got, HasSubstr("MyRobot-v3"));
  EXPECT_THAT(problem.next_step, HasSubstr("--instruction"));
}

TEST_F(DemonstrationDatasetTest, SeveralThreadsReadTheSameFrames) {
  const DemonstrationDataset dataset({path_});
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int64_t i = 0; i < 100; ++i) {
        const int64_t episode = (i + static_cast<int64_t>(t)) % 2;
        wrong[t] += dataset.read_frame(episode, "render_camera", i % 4).pixels[5] != sketch_.pixel(episode, i % 4, 5);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

TEST_F(DemonstrationDatasetTest, NamesAPathThatDoesNotExist) {
  const Problem problem = problem_of<ConfigError>([] { DemonstrationDataset({"/nowhere/demos.h5"}); });
  EXPECT_EQ(problem.where, "/nowhere/demos.h5");
  EXPECT_EQ(ConfigError(problem).exit_code(), 2);
  std::filesystem::create_directories(folder_ + "/empty");
  EXPECT_THAT(problem_of<ConfigError>([&] { DemonstrationDataset({folder_ + "/empty"}); }).got,
              HasSubstr("no .h5 file"));
  EXPECT_THAT(problem_of<ConfigError>([&] { DemonstrationDataset(std::vector<std::string>{}); }).what,
              HasSubstr("named"));
}

TEST_F(DemonstrationDatasetTest, RefusesAnEmptyAForeignAndATruncatedFile) {
  const auto size = std::filesystem::file_size(path_);
  std::filesystem::resize_file(path_, size / 2);
  Problem problem = open_problem();
  EXPECT_EQ(problem.where, path_);
  EXPECT_THAT(problem.got, HasSubstr("truncated"));
  EXPECT_EQ(FormatError(problem).exit_code(), 1);
  std::ofstream(path_) << "this is no HDF5 file at all";
  EXPECT_THAT(open_problem().what, HasSubstr("not HDF5"));
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(open_problem().got, "0 bytes");
}

TEST_F(DemonstrationDatasetTest, RefusesAFileWithoutEpisodes) {
  H5Fclose(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  const Problem problem = open_problem();
  EXPECT_THAT(problem.what, HasSubstr("no episodes"));
  EXPECT_EQ(problem.where, path_);
}

TEST_F(DemonstrationDatasetTest, RefusesADuplicateKeyOfItsJson) {
  write_json(path_, json());
  expect_duplicate_key_refused<FormatError>(folder_ + "/a/push.json", [&] { DemonstrationDataset{{path_}}; });
}

TEST_F(DemonstrationDatasetTest, RefusesAMissingOrBrokenJson) {
  const std::string json_path = folder_ + "/a/push.json";
  std::ofstream(json_path) << R"({"episodes": [)";
  EXPECT_EQ(open_problem().what, "a file is not valid JSON");
  EXPECT_EQ(open_problem().where, json_path + ", line 1, column 14");
  std::ofstream(json_path) << "[1, 2]";
  EXPECT_EQ(open_problem().expected, "an object");
  auto root = json();
  root["episodes"][1]["elapsed_steps"] = "three";
  write_json(path_, root);
  EXPECT_EQ(open_problem().where, json_path + ", line 19: episodes[1].elapsed_steps");
  EXPECT_EQ(open_problem().got, "\"three\"");
  root = json();
  root["episodes"][0].erase("control_mode");
  write_json(path_, root);
  EXPECT_EQ(open_problem().where, json_path + ", line 10: episodes[0].control_mode");
  std::filesystem::remove(json_path);
  EXPECT_THAT(open_problem().what, HasSubstr("no readable .json"));
}

TEST_F(DemonstrationDatasetTest, RefusesAJsonThatDisagreesWithTheArrays) {
  auto root = json();
  root["episodes"].erase(1);
  write_json(path_, root);
  EXPECT_EQ(open_problem().got, "1 episodes");
  EXPECT_THAT(open_problem().expected, HasSubstr("2, as in"));
  root = json();
  root["episodes"][1]["episode_id"] = 7;
  write_json(path_, root);
  EXPECT_EQ(open_problem().got, "episode_id 7");
  root["episodes"][1]["episode_id"] = 0;
  write_json(path_, root);
  EXPECT_EQ(open_problem().got, "episode_id 0 twice");
  root = json();
  root["episodes"][1]["elapsed_steps"] = 4;
  write_json(path_, root);
  EXPECT_EQ(open_problem().where, path_ + ":traj_1/actions");
  EXPECT_EQ(open_problem().got, "3 rows");
  EXPECT_THAT(open_problem().expected, HasSubstr("4 rows"));
  root = json();
  root["episodes"][1]["control_mode"] = "pd_ee_delta_pose";
  write_json(path_, root);
  EXPECT_THAT(open_problem().what, HasSubstr("control mode"));
  EXPECT_EQ(open_problem().got, "pd_ee_delta_pose");
}

TEST_F(DemonstrationDatasetTest, RefusesObservationsThatAreNotOneMoreThanActions) {
  const std::vector<uint8_t> pixels(5 * 12 * 20 * 3);
  replace_dataset(path_, "traj_0/obs/sensor_data/render_camera/rgb", H5T_NATIVE_UINT8, {5, 12, 20, 3}, pixels.data());
  EXPECT_EQ(open_problem().where, path_ + ":traj_0/obs/sensor_data/render_camera/rgb");
  EXPECT_EQ(open_problem().got, "5 rows");
  write_demonstrations(path_);
  const std::vector<float> states(3 * 9);
  replace_dataset(path_, "traj_1/obs/agent/qpos", H5T_NATIVE_FLOAT, {3, 9}, states.data());
  EXPECT_EQ(open_problem().where, path_ + ":traj_1/obs/agent/qpos");
}

TEST_F(DemonstrationDatasetTest, RefusesNumbersThatAreNotFiniteByEpisodeRowAndColumn) {
  std::vector<float> actions(3 * 8, 0.5f);
  actions[2 * 8 + 6] = NAN;
  replace_dataset(path_, "traj_1/actions", H5T_NATIVE_FLOAT, {3, 8}, actions.data());
  const DemonstrationDataset dataset({path_});
  EXPECT_NO_THROW(dataset.read(0));
  const Problem problem = problem_of<FormatError>([&] { dataset.read(1); });
  EXPECT_THAT(problem.where, HasSubstr("traj_1/actions, episode 1, row 2, column 6"));
  EXPECT_EQ(problem.got, "NaN");
}

TEST_F(DemonstrationDatasetTest, RefusesFilesThatDisagree) {
  const auto problem_with = [&](const DemonstrationSketch& other) {
    write_demonstrations(folder_ + "/b.h5", other);
    return problem_of<FormatError>([&] { DemonstrationDataset({path_, folder_ + "/b.h5"}); });
  };
  EXPECT_THAT(problem_with({.action_width = 7}).what, HasSubstr("width of actions"));
  EXPECT_EQ(problem_with({.action_width = 7}).got, "7");
  EXPECT_THAT(problem_with({.action_width = 7}).expected, HasSubstr("8, as in " + path_ + ":traj_0"));
  EXPECT_THAT(problem_with({.height = 16}).what, HasSubstr("render_camera's frames"));
  EXPECT_EQ(problem_with({.height = 16}).got, "16 x 20");
  EXPECT_EQ(problem_with({.control_mode = "pd_ee_pose"}).got, "pd_ee_pose");
  EXPECT_THAT(problem_with({.state_width = 7}).what, HasSubstr("width of states"));
  EXPECT_THAT(problem_with({.cameras = {"other"}}).what, HasSubstr("no camera is in every episode"));
}

TEST_F(DemonstrationDatasetTest, RefusesArraysOfAnotherTypeOrRank) {
  const std::string rgb = "traj_0/obs/sensor_data/render_camera/rgb";
  const std::vector<float> values(6 * 12 * 20 * 4);
  replace_dataset(path_, rgb, H5T_NATIVE_FLOAT, {6, 12, 20, 3}, values.data());
  EXPECT_EQ(open_problem().got, "float32");
  EXPECT_THAT(open_problem().expected, HasSubstr("uint8"));
  replace_dataset(path_, rgb, H5T_NATIVE_UINT8, {6, 12, 20, 4}, values.data());
  EXPECT_EQ(open_problem().got, "[12, 20, 4]");
  replace_dataset(path_, rgb, H5T_NATIVE_UINT8, {6, 12, 20}, values.data());
  EXPECT_EQ(open_problem().got, "3 dimensions, [6, 12, 20]");
  write_demonstrations(path_);
  replace_dataset(path_, "traj_0/actions", H5T_NATIVE_INT32, {5, 8}, values.data());
  EXPECT_THAT(open_problem().got, HasSubstr("integers"));
  remove_object(path_, "traj_0/actions");
  EXPECT_EQ(open_problem().what, "a dataset is missing");
  EXPECT_EQ(open_problem().where, path_ + ":traj_0/actions");
}

TEST_F(DemonstrationDatasetTest, LinkedFoldersAreSearchedOnce) {
  std::filesystem::create_directory(folder_ + "/data");
  std::filesystem::create_directory_symlink("../a", folder_ + "/data/linked");
  std::filesystem::create_directory_symlink("..", folder_ + "/data/up");  // leads to itself, and to a again
  EXPECT_EQ(find_demonstrations({folder_ + "/data"}).files.size(), 1u);
  EXPECT_EQ(DemonstrationDataset({folder_ + "/data"}).size(), 2);
}

TEST_F(DemonstrationDatasetTest, RefusesCamerasThatAreNotThere) {
  {
    const DemonstrationDataset dataset({path_});
    const Problem problem = problem_of<ConfigError>([&] { dataset.read_frame(0, "hand_camera", 0); });
    EXPECT_EQ(problem.got, "\"hand_camera\"");
    EXPECT_EQ(problem.expected, "render_camera");
    EXPECT_THAT(problem_of<FormatError>([&] { dataset.read_frame(0, "render_camera", 6); }).expected, "0 to 5");
    EXPECT_THAT(problem_of<ConfigError>([&] { dataset.read(2); }).expected, "0 to 1");
  }
  remove_object(path_, "traj_1/obs/sensor_data");
  const Problem problem = open_problem();
  EXPECT_THAT(problem.what, HasSubstr("no camera images"));
  EXPECT_EQ(problem.where, path_ + ":traj_1");
}

#ifdef PHYSGEN_PYTHON
TEST_F(DemonstrationDatasetTest, ReadsWhatH5pyWrites) {
  const std::string script = folder_ + "/write.py";
  std::ofstream(script) << R"(
import sys, zlib
try:
    import h5py, numpy
except ImportError:
    sys.exit(3)
random = numpy.random.default_rng(0)
with h5py.File(sys.argv[1], "w", track_order=True) as file:
    for i, steps in enumerate((5, 3)):
        group = file.create_group(f"traj_{i}", track_order=True)
        actions = random.normal(size=(steps, 8)).astype("float64" if i else "float32")
        group.create_dataset("actions", data=actions, chunks=(2, 3), compression="gzip", shuffle=True)
        group["success"] = numpy.zeros(steps, bool)
        group["obs/agent/qpos"] = random.normal(size=(steps + 1, 9)).astype("float32")
        rgb = random.integers(0, 256, (steps + 1, 32, 48, 3), dtype="uint8")
        chunks = (3, 10, 20, 2) if i else True  # that do not divide the frames, and h5py's own choice
        group.create_dataset("obs/sensor_data/render_camera/rgb", data=rgb, compression="gzip", chunks=chunks)
    frames = file["traj_1/obs/sensor_data/render_camera/rgb"][:]
    print(repr(float(file["traj_1/actions"][2, 5])), zlib.crc32(frames[3].tobytes()), zlib.crc32(frames[0].tobytes()))
)";
  // NOLINTNEXTLINE(bugprone-command-processor): a program of ours
  FILE* pipe = popen((std::string(PHYSGEN_PYTHON) + " " + script + " " + path_).c_str(), "r");
  double action = 0;
  unsigned long last = 0;
  unsigned long first = 0;
  // NOLINTNEXTLINE(bugprone-unchecked-string-to-number-conversion): what Python printed
  const int read = fscanf(pipe, "%lf %lu %lu", &action, &last, &first);
  pclose(pipe);
  if (read != 3) GTEST_SKIP() << "needs h5py in " << PHYSGEN_PYTHON;
  const DemonstrationDataset dataset({path_});
  EXPECT_EQ(dataset.read(1).actions(2, 5), static_cast<float>(action));
  const auto sum = [&](int64_t index) {
    const Image frame = dataset.read_frame(1, "render_camera", index);
    return crc32(0, frame.pixels.data(), static_cast<uInt>(frame.pixels.size()));
  };
  EXPECT_EQ(sum(3), last);
  EXPECT_EQ(sum(0), first);
  EXPECT_EQ(dataset.frame_size("render_camera"), std::pair(int64_t{32}, int64_t{48}));
}
#endif

}  // namespace
}  // namespace physgen
