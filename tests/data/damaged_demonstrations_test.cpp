#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include "data/demonstration_fixture.h"
#include "formats/demonstration_file.h"

namespace physgen {
namespace {

using testing::HasSubstr;

/// The frames of one episode of a file, whatever the others are like.
struct DemonstrationFileReader {
  explicit DemonstrationFileReader(const std::string& path) : file(open_demonstration_file(path, "")) {}
  std::vector<uint8_t> frame(int64_t index) const { return file->open_frames(0, "render_camera")->read(index).pixels; }

  std::unique_ptr<DemonstrationFile> file;
};

class DamagedDemonstrationsTest : public DemonstrationFixture {
 protected:
  /// Puts other frames in place of an episode's, a frame a chunk. @param set_filter  called with the properties
  void replace_frames(const std::vector<hsize_t>& shape, const std::vector<uint8_t>& pixels,
                      const std::function<void(hid_t)>& set_filter) const {
    const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, kFrames.c_str(), H5P_DEFAULT);
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk[] = {1, shape[1], shape[2], shape[3]};
    H5Pset_chunk(properties, 4, chunk);
    set_filter(properties);
    const hid_t space = H5Screate_simple(4, shape.data(), nullptr);
    const hid_t frames =
        H5Dcreate2(file, kFrames.c_str(), H5T_NATIVE_UINT8, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Dwrite(frames, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, pixels.data());
    H5Dclose(frames);
    H5Sclose(space);
    H5Pclose(properties);
    H5Fclose(file);
  }

  /// Overwrites what is stored of a frame, from some byte on. @param bytes  of so many stored ones
  void overwrite_frame(hsize_t frame, hsize_t from, const std::function<std::string(hsize_t)>& bytes) const {
    const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t frames = H5Dopen2(file, kFrames.c_str(), H5P_DEFAULT);
    const hsize_t offset[] = {frame, 0, 0, 0};
    unsigned mask = 0;
    haddr_t address = 0;
    hsize_t size = 0;
    H5Dget_chunk_info_by_coord(frames, offset, &mask, &address, &size);
    H5Dclose(frames);
    H5Fclose(file);
    std::fstream stream(path_, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(address + from));
    stream << bytes(size);
  }

  const std::string kFrames = "traj_0/obs/sensor_data/render_camera/rgb";
};

TEST_F(DamagedDemonstrationsTest, RefusesSizesThatTheFileCannotHold) {
  replace_dataset(path_, "traj_0/actions", H5T_NATIVE_FLOAT, {5, 8}, nullptr);
  EXPECT_THAT(open_problem().what, HasSubstr("more values than the file holds"));
  auto root = json();
  root["episodes"][0]["elapsed_steps"] = int64_t{1} << 40;
  write_json(path_, root);
  replace_dataset(path_, "traj_0/actions", H5T_NATIVE_FLOAT, {hsize_t{1} << 40, 8}, nullptr);
  EXPECT_THAT(open_problem().what, HasSubstr("larger than any real one"));
}

TEST_F(DamagedDemonstrationsTest, FollowsNoLinkOutOfTheFolder) {
  const std::string other = folder_ + "/b.h5";
  write_demonstrations(other);
  const auto link_to = [&](const std::string& target) {
    write_demonstrations(path_);
    const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, "traj_0/actions", H5P_DEFAULT);
    H5Lcreate_external(target.c_str(), "/traj_0/actions", file, "traj_0/actions", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
  };
  for (const std::string& target : {std::string("../b.h5"), std::filesystem::absolute(other).string()}) {
    link_to(target);
    EXPECT_EQ(open_problem().what, "a link leads out of the demonstrations' folder");
    EXPECT_THAT(open_problem().where, HasSubstr("traj_0/actions"));
  }
  link_to("nowhere.h5");
  EXPECT_EQ(open_problem().what, "a file that is linked to is missing");
  write_demonstrations(path_);
  const hid_t again = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Ldelete(again, "traj_0/actions", H5P_DEFAULT);
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(properties, "/etc/passwd", 0, 5 * 8 * 4);
  const hsize_t shape[] = {5, 8};
  const hid_t space = H5Screate_simple(2, shape, nullptr);
  H5Dclose(H5Dcreate2(again, "traj_0/actions", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, properties, H5P_DEFAULT));
  H5Sclose(space);
  H5Pclose(properties);
  H5Fclose(again);
  EXPECT_THAT(open_problem().what, HasSubstr("in another file"));
}

TEST_F(DamagedDemonstrationsTest, FollowsLinksWithinTheFolder) {
  const Matrix actions = DemonstrationDataset({path_}).read(0).actions;
  const Image frame = DemonstrationDataset({path_}).read_frame(1, "render_camera", 2);
  std::filesystem::create_directory(folder_ + "/a/more");
  write_demonstrations(folder_ + "/a/more/store.h5");
  const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Ldelete(file, "traj_0/actions", H5P_DEFAULT);
  H5Lcreate_external("more/store.h5", "/traj_0/actions", file, "traj_0/actions", H5P_DEFAULT, H5P_DEFAULT);
  H5Lmove(file, "traj_1/obs", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("../elsewhere_too", file, "traj_1/obs", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  EXPECT_THAT(open_problem().what, HasSubstr("no camera images"));  // HDF5 knows no ".."
  const hid_t again = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Ldelete(again, "traj_1/obs", H5P_DEFAULT);
  H5Lcreate_soft("/elsewhere_too", again, "traj_1/obs", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("elsewhere", again, "elsewhere_too", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(again);
  const DemonstrationDataset linked({path_});
  EXPECT_EQ(linked.read(0).actions, actions);
  EXPECT_EQ(linked.read_frame(1, "render_camera", 2), frame);
}

TEST_F(DamagedDemonstrationsTest, ACircleOfLinksIsNamed) {
  const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Ldelete(file, "traj_0/actions", H5P_DEFAULT);
  H5Lcreate_soft("/traj_0/actions", file, "traj_0/actions", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  EXPECT_EQ(open_problem().what, "links lead in a circle");
}

TEST_F(DamagedDemonstrationsTest, NamesAFrameThatCannotBeDecompressed) {
  overwrite_frame(2, 0, [](hsize_t size) { return std::string(size, '\x5a'); });
  const DemonstrationDataset dataset({path_});
  EXPECT_NO_THROW(dataset.read_frame(0, "render_camera", 1));
  const Problem problem = problem_of<FormatError>([&] { dataset.read_frame(0, "render_camera", 2); });
  EXPECT_THAT(problem.where, HasSubstr("traj_0/obs/sensor_data/render_camera/rgb[2]"));
}

TEST_F(DamagedDemonstrationsTest, AFilterThatIsNotKnownIsNamed) {
  replace_frames({6, 4, 4, 3}, std::vector<uint8_t>(6 * 4 * 4 * 3, 9),
                 [](hid_t properties) { H5Pset_scaleoffset(properties, H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT); });
  EXPECT_EQ(open_problem().got, "filter 6, \"scaleoffset\"");
  EXPECT_THAT(open_problem().where, HasSubstr(kFrames));
}

TEST_F(DamagedDemonstrationsTest, BytesBeforeTheFileMoveNothing) {
  const Image frame = DemonstrationDataset({path_}).read_frame(0, "render_camera", 2);
  const Matrix actions = DemonstrationDataset({path_}).read(0).actions;
  const hid_t properties = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_userblock(properties, 1024);
  const hid_t file = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, properties, H5P_DEFAULT);
  for (int64_t episode = 0; episode < 2; ++episode) write_episode(file, sketch_, episode);
  H5Fclose(file);
  H5Pclose(properties);
  const DemonstrationDataset dataset({path_});
  EXPECT_EQ(dataset.read_frame(0, "render_camera", 2), frame);
  EXPECT_EQ(dataset.read(0).actions, actions);
}

TEST_F(DamagedDemonstrationsTest, ChecksumsAreTested) {
  std::vector<uint8_t> pixels(6 * 99);  // a frame of an odd number of bytes
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(37 * i % 256);
  replace_frames({6, 11, 3, 3}, pixels, [](hid_t properties) { H5Pset_fletcher32(properties); });
  const DemonstrationFileReader reader(path_);
  EXPECT_EQ(reader.frame(0), std::vector<uint8_t>(pixels.begin(), pixels.begin() + 99));
  overwrite_frame(1, 50, [](hsize_t) { return "x"; });
  EXPECT_EQ(reader.frame(2), std::vector<uint8_t>(pixels.begin() + 198, pixels.begin() + 297));
  EXPECT_EQ(problem_of<FormatError>([&] { reader.frame(1); }).got, "a chunk that does not fit its checksum");
}

TEST_F(DamagedDemonstrationsTest, RefusesAFileThatIsBeingWritten) {
  const int writer = open(path_.c_str(), O_RDWR);
  ASSERT_EQ(flock(writer, LOCK_EX), 0);
  EXPECT_THAT(problem_of<Error>([&] { DemonstrationDataset({path_}); }).got, HasSubstr("another program is writing"));
  close(writer);
  EXPECT_NO_THROW(DemonstrationDataset({path_}));
}

/// Reads all that a file offers.
void read_everything(const std::string& path) {
  const DemonstrationDataset dataset({path});
  for (int64_t i = 0; i < dataset.size(); ++i) {
    dataset.read(i);
    for (int64_t frame = 0; frame <= dataset.info(i).control_steps; ++frame) {
      dataset.read_frame(i, dataset.cameras()[0], frame);
    }
  }
}

TEST_F(DamagedDemonstrationsTest, RandomDamageIsReadOrRefusedAndNothingElse) {
  write_demonstrations(path_, {.height = 4, .width = 4});
  std::ifstream file(path_, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  std::mt19937 random(7);
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 1 << round % 5; ++i) {
      damaged[random() % damaged.size()] = static_cast<char>(random() % 2 ? 0xff : random());
    }
    std::ofstream(path_, std::ios::binary) << damaged;
    try {
      read_everything(path_);
    } catch (const Error& error) {
      EXPECT_THAT(error.problem().where, HasSubstr("push"));
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace physgen
