#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include <physgen/data/demonstration_check.h>

#include "data/lerobot_fixture.h"
#ifdef PHYSGEN_HAS_ARROW
#include "formats/parquet_file.h"
#include "formats/parquet_writer.h"
#endif
#include "data/demonstration_search.h"
#include "support/duplicate_key.h"

namespace physgen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(LeRobotTest, NothingIsLostAsPng) {
  const DemonstrationDataset written = convert(), source({source_});
  ASSERT_EQ(written.size(), 3);
  EXPECT_EQ(written.cameras(), source.cameras());
  EXPECT_EQ(written.seeds_tried(), source.seeds_tried());
  for (int64_t i = 0; i < 3; ++i) {
    const Episode episode = written.read(i), expected = source.read(i);
    EXPECT_EQ(episode.info.instruction, expected.info.instruction);
    EXPECT_EQ(episode.info.control_mode, "pd_joint_pos");
    EXPECT_EQ(episode.actions, expected.actions);
    EXPECT_EQ(episode.states, expected.states);
    for (int64_t frame = 0; frame <= episode.info.control_steps; ++frame) {
      EXPECT_EQ(written.read_frame(i, "side", frame), source.read_frame(i, "side", frame));
      EXPECT_EQ(written.read_frame(i, "front", frame), source.read_frame(i, "front", frame));
    }
  }
  EXPECT_TRUE(check_demonstrations({folder_}, "").problems.empty());
}

TEST_F(LeRobotTest, WhatItWasRecordedWithIsKept) {
  convert({.pictures = LeRobotPictures::mp4});
  EXPECT_EQ(info()["fps"], 20);
  EXPECT_EQ(info()["robot_type"], "panda");
  const std::vector<std::string> motors = {"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"};
  const std::vector<std::string> joints = {"j0", "j1", "j2", "j3", "j4", "j5", "j6", "j7", "j8"};
  for (const double rate : {10.0, 29.97, 30.0, 50.0}) {
    std::filesystem::remove_all(folder_);
    convert({.pictures = LeRobotPictures::mp4, .frames_per_second = rate});
    set_info(
        {{"robot_type", "so101"},
         {"physgen", nullptr},
         {"features", {{"action", {{"names", {{"motors", motors}}}}}, {"observation.state", {{"names", joints}}}}}});
    const DemonstrationDataset first({folder_});
    const TemporaryFolder again;
    write_lerobot(first, again.path(), {.pictures = LeRobotPictures::mp4});
    const DemonstrationDataset second({again.path().string()});
    EXPECT_EQ(second.recording().frames_per_second, rate);
    EXPECT_EQ(second.recording().robot, "so101");
    EXPECT_EQ(second.recording().action_names, motors);
    EXPECT_EQ(second.recording().state_names, joints);
    for (int64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(second.read(i).actions.topRows(first.info(i).control_steps), first.read(i).actions);
      EXPECT_EQ(second.info(i).instruction, first.info(i).instruction);
    }
    EXPECT_TRUE(check_demonstrations({again.path().string()}, "").problems.empty()) << rate;
  }
}

TEST_F(LeRobotTest, SaysWhatItLeavesOut) {
  convert();
  EXPECT_TRUE(DemonstrationDataset({folder_}).left_out().empty());
  set_info({{"splits", {{"train", "0:2"}, {"test", "2:3"}}}});
  std::filesystem::copy_file(data_, folder_ + "/data/chunk-000/file-007.parquet");
  const std::vector<LeftOut> left_out = DemonstrationDataset({folder_}).left_out();
  ASSERT_EQ(left_out.size(), 2u);
  EXPECT_EQ(left_out[0].where, folder_ + "/data/chunk-000/file-007.parquet");
  EXPECT_EQ(left_out[0].why, "no episode of meta is in it");
  EXPECT_EQ(left_out[1].why, "its splits test, train: the episodes of all of them are read");
}

TEST_F(LeRobotTest, SetsOfDifferentRatesAreNotMixed) {
  convert({.frames_per_second = 30});
  set_info({{"physgen", nullptr}});
  const TemporaryFolder other;
  write_lerobot(DemonstrationDataset({folder_}), other.path(), {.frames_per_second = 50});
  const Problem problem = problem_of<ConfigError>([&] { DemonstrationDataset({folder_, other.path().string()}); });
  EXPECT_EQ(problem.what, "sets of demonstrations were recorded at different rates");
  EXPECT_EQ(problem.got, "50 control steps a second");
  EXPECT_THAT(problem.expected, HasSubstr("30"));
}

#ifdef PHYSGEN_HAS_ARROW
TEST_F(LeRobotTest, TasksMayStandInTheRowsAlone) {
  convert();
  std::filesystem::remove_all(folder_ + "/meta/episodes");
  std::filesystem::create_directories(folder_ + "/meta/episodes/chunk-000");
  ParquetTable table;
  table.add_integers("episode_index", {0, 1, 2});
  table.add_integers("length", {6, 31, 4});
  table.add_integers("data/chunk_index", {0, 0, 0});
  table.add_integers("data/file_index", {0, 0, 0});
  ParquetWriter writer(folder_ + "/meta/episodes/chunk-000/file-000.parquet");
  writer.append(table);
  writer.close();
  const DemonstrationDataset dataset({folder_}), source({source_});
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(dataset.info(i).instruction, source.info(i).instruction);
  std::filesystem::remove(folder_ + "/meta/tasks.parquet");
  EXPECT_THAT(open_problem().where, HasSubstr("tasks.jsonl"));
  EXPECT_EQ(DemonstrationDataset({folder_}, "do it").info(1).instruction, "do it");
}
#endif

#ifdef PHYSGEN_HAS_ARROW
/// One episode of 8 rows, of which the first 3 are of one task and the others of a second.
void write_two_tasks(const std::string& folder) {
  nlohmann::json info = {{"codebase_version", "v3.0"},
                         {"fps", 10},
                         {"data_path", "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"},
                         {"features",
                          {{"action", {{"dtype", "float32"}, {"shape", {1}}}},
                           {"observation.images.front", {{"dtype", "image"}, {"shape", {4, 4, 3}}}}}}};
  std::filesystem::create_directories(folder + "/meta/episodes/chunk-000");
  std::filesystem::create_directories(folder + "/data/chunk-000");
  std::ofstream(folder + "/meta/info.json") << info;
  std::ofstream(folder + "/meta/tasks.jsonl") << R"({"task_index": 4, "task": "open"})" << '\n'
                                              << R"({"task_index": 9, "task": "close"})" << '\n';
  const auto write = [&](const std::string& path, const ParquetTable& table) {
    ParquetWriter writer(folder + "/" + path);
    writer.append(table);
    writer.close();
  };
  ParquetTable meta, data;
  for (const char* name : {"episode_index", "data/chunk_index", "data/file_index"}) meta.add_integers(name, {0});
  meta.add_integers("length", {8});
  meta.add_text_lists("tasks", {{"open", "close"}});
  write("meta/episodes/chunk-000/file-000.parquet", meta);
  data.add_integers("episode_index", std::vector<int64_t>(8, 0));
  data.add_integers("task_index", {4, 4, 4, 9, 9, 9, 9, 9});
  data.add_matrix("action", Matrix::Constant(8, 1, 0.5F));
  data.add_pictures("observation.images.front",
                    std::vector(8, encode_png({4, 4, std::vector<uint8_t>(48, 100)}, "a picture")));
  write("data/chunk-000/file-000.parquet", data);
}

TEST_F(LeRobotTest, AnEpisodeMayHaveSeveralTasksAndStaysWhole) {
  write_two_tasks(folder_);
  const TemporaryFolder again;
  write_lerobot(DemonstrationDataset({folder_}), again.path(), {});
  for (const std::string& path : {folder_, again.path().string()}) {
    const DemonstrationDataset dataset({path});
    ASSERT_EQ(dataset.size(), 1);
    const std::vector<EpisodePart> parts = parts_of(dataset.info(0));
    ASSERT_EQ(parts.size(), 2u);
    EXPECT_EQ(parts[0].instruction, "open");
    EXPECT_EQ(parts[0].last, 3);
    EXPECT_EQ(parts[1].instruction, "close");
    EXPECT_EQ(parts[1].last, 7);
  }
  EXPECT_TRUE(DemonstrationDataset({folder_}, "both").info(0).later_tasks.empty());
  std::ofstream(folder_ + "/meta/tasks.jsonl") << R"({"task_index": 4, "task": "open"})" << '\n';
  EXPECT_EQ(open_problem().got, "task_index 9, which has none");
}
#endif

TEST_F(LeRobotTest, ACameraHasSeveralNamesAndDepthNone) {
  convert();
  const nlohmann::json front = info()["features"]["observation.images.front"];
  nlohmann::json features;
  for (const char* key : {"left.head", "right.head", "depth.wrist", "seg_instance_id.wrist", "rgb.wrist"}) {
    features[std::string("observation.images.") + key] = front;
  }
  features["observation.images.range"] = front;
  features["observation.images.range"]["info"] = {{"video.is_depth_map", true}};
  set_info({{"features", features}});
  const DemonstrationDataset dataset({folder_});
  EXPECT_THAT(dataset.cameras(), ElementsAre("front", "left.head", "rgb.wrist", "right.head", "side"));
  EXPECT_EQ(dataset.camera("front"), "front");
  EXPECT_EQ(dataset.camera("observation.images.right.head"), "right.head");
  EXPECT_EQ(dataset.camera("wrist"), "rgb.wrist");
  EXPECT_EQ(dataset.read_frame(0, "observation.images.front", 1), dataset.read_frame(0, "front", 1));
  const auto got = [&](const std::string& name) { return problem_of<ConfigError>([&] { dataset.camera(name); }).got; };
  EXPECT_EQ(problem_of<ConfigError>([&] { dataset.camera("head"); }).expected, "one of left.head, right.head");
  EXPECT_EQ(got("depth.wrist"), "\"depth.wrist\", which is depth");
  EXPECT_EQ(got("seg_instance_id.wrist"), "\"seg_instance_id.wrist\", which is a segmentation");
  EXPECT_EQ(got("range"), "\"range\", which is depth");
  EXPECT_EQ(got("back"), "\"back\"");
}

TEST_F(LeRobotTest, TheLastRowHoldsStill) {
  convert();
  EXPECT_EQ(info()["total_frames"], 6 + 31 + 4);
  EXPECT_EQ(info()["features"]["action"]["shape"], nlohmann::json({8}));
#ifdef PHYSGEN_HAS_ARROW
  const Matrix rows = ParquetFile(data_).read_matrix("action", 6, 31);  // of the second episode
  EXPECT_EQ(rows.topRows(30), DemonstrationDataset({source_}).read(1).actions);
  EXPECT_EQ(rows.row(30), rows.row(29));  // pd_joint_pos is absolute
#endif
}

TEST_F(LeRobotTest, FailuresAndSeedsAreKept) {
  nlohmann::json described = describe_demonstrations({.steps = {5, 30, 3}});
  described["episodes"][1]["success"] = false;
  write_json(source_, described);
  const DemonstrationDataset written = convert();
  EXPECT_TRUE(written.info(0).success);
  EXPECT_FALSE(written.info(1).success);
  EXPECT_THAT(written.seeds_tried(), ElementsAre(std::pair(int64_t{100}, int64_t{104})));
}

TEST_F(LeRobotTest, LiberosCamerasHaveLeRobotsNamesThereAndTheirOwnHere) {
  write_demonstrations(source_, {.control_mode = "osc_pose",
                                 .action_width = 7,
                                 .state_width = 8,
                                 .height = 48,
                                 .width = 64,
                                 .cameras = {"agentview", "eye_in_hand"}});
  std::vector<float> actions(5 * 7, 0.5F), few(3 * 7, -0.5F);  // the sketch's are beyond [-1, 1]
  replace_dataset(source_, "traj_0/actions", H5T_NATIVE_FLOAT, {5, 7}, actions.data());
  replace_dataset(source_, "traj_1/actions", H5T_NATIVE_FLOAT, {3, 7}, few.data());
  const DemonstrationDataset written = convert(), source({source_});
  EXPECT_TRUE(info()["features"].contains("observation.images.image2"));
  EXPECT_THAT(written.cameras(), ElementsAre("agentview", "eye_in_hand"));
  EXPECT_EQ(written.read_frame(1, "eye_in_hand", 2), source.read_frame(1, "eye_in_hand", 2));
  EXPECT_EQ(written.read(1).actions, source.read(1).actions);
  set_info({{"robot_type", "so100"}, {"physgen", nullptr}});
  EXPECT_THAT(DemonstrationDataset({folder_}).cameras(), ElementsAre("image", "image2"));
}

TEST_F(LeRobotTest, AFolderIsOneDataSetAndItsFilesAreNone) {
  convert();
  EXPECT_THAT(find_demonstrations({temporary_.path().string()}).files, ElementsAre(folder_, source_));
}

TEST_F(LeRobotTest, CamerasOfAnotherRobotAreNamedByTheLastPartOfTheirKeys) {
  convert();
  set_info({{"physgen", nullptr}});
  const DemonstrationDataset dataset({folder_});
  EXPECT_THAT(dataset.cameras(), ElementsAre("front", "side"));
  EXPECT_EQ(dataset.info(0).control_mode, "lerobot");
  EXPECT_TRUE(dataset.seeds_tried().empty());
}

TEST_F(LeRobotTest, WhatIsWrongWithTheDescriptionIsNamed) {
  convert();
  const nlohmann::json right = info();
  const auto expect = [&](const nlohmann::json& patch, const std::string& where, const std::string& got) {
    set_info(patch);
    const Problem problem = open_problem();
    EXPECT_THAT(problem.where, HasSubstr(where));
    EXPECT_THAT(problem.got, HasSubstr(got));
    std::ofstream(folder_ + "/meta/info.json") << right;
  };
  expect({{"codebase_version", "v1.6"}}, "codebase_version", "v1.6");
  expect({{"fps", 0}}, "fps", "0");
  expect({{"features", {{"action", nullptr}}}}, "features", "neither action nor actions");
  expect({{"features", {{"action", {{"shape", {0}}}}}}}, "features.action.shape[0]", "0");
  for (const char* pattern :
       {"data/{surprise}.parquet", "{chunk_index:099999d}", "/etc/{chunk_index}", "../{file_index}"}) {
    expect({{"data_path", pattern}}, "info.json", pattern);
  }
  expect({{"features", {{"observation.images.side", {{"shape", {48, 64}}}}}}}, "observation.images.side.shape", "2");
  expect({{"features", {{"observation.images.side", nullptr}, {"observation.images.front", nullptr}}}}, "features",
         "no RGB");
  std::ofstream(folder_ + "/meta/info.json") << "{";
  EXPECT_THAT(open_problem().what, HasSubstr("not valid JSON"));
}

TEST_F(LeRobotTest, ADuplicateKeyIsRefused) {
  convert();
  const auto open = [&] { DemonstrationDataset{{folder_}}; };
  expect_duplicate_key_refused<FormatError>(folder_ + "/meta/info.json", open);
  set_info({{"codebase_version", "v2.1"}, {"data_path", "data/chunk-000/file-000.parquet"}});
  std::ofstream(folder_ + "/meta/episodes.jsonl") << R"({"episode_index": 0, "length": 6, "tasks": ["push"]})";
  expect_duplicate_key_refused<FormatError>(folder_ + "/meta/episodes.jsonl", open);
}

TEST_F(LeRobotTest, ADepthCameraIsPassedOver) {
  convert();
  set_info({{"features", {{"observation.images.side", {{"shape", {48, 64, 1}}}}}}});
  EXPECT_THAT(DemonstrationDataset({folder_}).cameras(), ElementsAre("front"));
}

TEST_F(LeRobotTest, AWidthOtherThanDescribedIsRefusedWhenRead) {
  convert();
  set_info({{"features", {{"action", {{"shape", {6}}}}}}});
  const DemonstrationDataset dataset({folder_});
  EXPECT_THAT(problem_of<FormatError>([&] { dataset.read(0); }).where, HasSubstr("file-000.parquet:action"));
}

TEST_F(LeRobotTest, ALengthOtherThanTheRowsIsRefused) {
  convert();
  std::filesystem::remove_all(folder_ + "/meta/episodes");
  set_info({{"codebase_version", "v2.1"}, {"data_path", "data/chunk-000/file-000.parquet"}});
  const auto lengths = [&](const std::string& second) {
    std::ofstream(folder_ + "/meta/episodes.jsonl")
        << R"({"episode_index": 0, "length": 6, "tasks": ["push"]})" << '\n'
        << R"({"episode_index": 1, "length": )" << second << R"(, "tasks": ["push"]})" << '\n';
  };
  lengths("31");
  EXPECT_EQ(DemonstrationDataset({folder_}).info(1).control_steps, 30);
  for (const char* wrong : {"30", "32", "9223372036854775807"}) {
    lengths(wrong);
    EXPECT_THAT(open_problem().got, HasSubstr("31 rows"));
  }
  lengths("-5");
  EXPECT_THAT(open_problem().what, HasSubstr("too short"));
  lengths("\"three\"");
  EXPECT_THAT(open_problem().where, HasSubstr("line 2: length"));
}

TEST_F(LeRobotTest, DamagedAndMissingFilesAreNamed) {
  convert();
  std::filesystem::resize_file(data_, std::filesystem::file_size(data_) / 2);
  EXPECT_THAT(problem_of<FormatError>([&] { DemonstrationDataset({folder_}).read(0); }).where, HasSubstr(data_));
  std::filesystem::remove(data_);
  EXPECT_THAT(open_problem().got, HasSubstr(data_));
  std::filesystem::remove_all(folder_ + "/meta/episodes");
  EXPECT_THAT(open_problem().what, HasSubstr("no episodes"));
}

TEST_F(LeRobotTest, DamageNeverCrashes) {
  convert();
  std::ifstream file(data_, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  for (size_t place = 0; place < whole.size(); place += whole.size() / 150) {
    std::string bytes = whole;
    for (size_t i = place; i < std::min(place + 4, bytes.size()); ++i) bytes[i] = static_cast<char>(~bytes[i]);
    std::ofstream(data_, std::ios::binary) << bytes;
    EXPECT_NO_THROW(check_demonstrations({folder_}, "")) << place;
  }
}

TEST_F(LeRobotTest, ATruncatedVideoIsNamed) {
  convert({.pictures = LeRobotPictures::mp4});
  const std::string video = folder_ + "/videos/observation.images.front/chunk-000/file-000.mp4";
  std::filesystem::resize_file(video, std::filesystem::file_size(video) / 3);
  const Problem problem = problem_of<FormatError>([&] { DemonstrationDataset({folder_}).read_frame(1, "front", 30); });
  EXPECT_THAT(problem.where, HasSubstr(video));
  std::filesystem::remove(video);
  EXPECT_THAT(open_problem().got, HasSubstr(video));
}

TEST_F(LeRobotTest, AnMp4OfAnOddSizeIsRefused) {
  write_demonstrations(source_, {.height = 47, .width = 64});
  std::filesystem::create_directory(folder_);
  const DemonstrationDataset dataset({source_});
  const auto write = [&] { write_lerobot(dataset, folder_, {.pictures = LeRobotPictures::mp4}); };
  EXPECT_EQ(problem_of<ConfigError>(write).got, "47 x 64");
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

#ifndef PHYSGEN_HAS_ARROW
TEST(LeRobotWithoutArrow, IsRefusedWithTheRemedy) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "meta");
  std::ofstream(folder / "meta/info.json") << "{}";
  const auto open = [&] { DemonstrationDataset{{folder.path().string()}}; };
  EXPECT_THAT(problem_of<ConfigError>(open).next_step, HasSubstr("PHYSGEN_ARROW"));
}
#endif

}  // namespace
}  // namespace physgen
