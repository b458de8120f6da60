#include "formats/hdf5_process.h"

#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "data/demonstration_fixture.h"
#include "formats/hdf5_file.h"

namespace physgen {
namespace {

/// The processes that are this one's children.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    pid_t id = 0, parent = 0;
    std::string name;
    char state = 0;
    if (file >> id >> name >> state >> parent && parent == getpid()) found.push_back(id);
  }
  return found;
}

class Hdf5ProcessTest : public DemonstrationFixture {};

TEST_F(Hdf5ProcessTest, WhereItDiesTheFileIsNamedAndTheNextQuestionIsAnswered) {
  const auto file = Hdf5File::open(path_);
  EXPECT_TRUE(file->exists("traj_0"));
  const std::vector<pid_t> readers = children();
  ASSERT_EQ(readers.size(), 1u);
  kill(readers[0], SIGSEGV);
  const Problem problem = problem_of<FormatError>([&] { file->exists("traj_1/actions"); });
  EXPECT_EQ(problem.what, "HDF5's own library fails on a file");
  EXPECT_EQ(problem.where, path_ + ":traj_1/actions");
  EXPECT_EQ(problem.got, "Segmentation fault");
  EXPECT_TRUE(file->exists("traj_1/actions"));
  EXPECT_EQ(file->open("traj_1/actions", Hdf5Numbers::floating, 2).shape(), std::vector<int64_t>({3, 8}));
  EXPECT_THAT(children(), testing::Not(testing::Contains(readers[0])));
}

TEST_F(Hdf5ProcessTest, ManyThreadsReadOneFile) {
  const DemonstrationDataset dataset({path_});
  const Image expected = dataset.read_frame(0, "render_camera", 3);
  std::vector<std::jthread> threads(4);
  for (std::jthread& thread : threads) {
    thread = std::jthread([&] {
      for (int i = 0; i < 50; ++i) EXPECT_EQ(dataset.read_frame(0, "render_camera", 3), expected);
    });
  }
}

}  // namespace
}  // namespace physgen
