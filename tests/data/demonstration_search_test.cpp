
#include <gmock/gmock.h>

#include <physgen/data/demonstration_check.h>

#include "data/demonstration_fixture.h"
#include "data/demonstration_search.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class DemonstrationSearchTest : public DemonstrationFixture {
 protected:
  /// "push.h5.bak: its name …", without the folder.
  static std::vector<std::string> lines(const std::vector<LeftOut>& left_out, const std::string& folder) {
    std::vector<std::string> texts;
    for (const auto& [where, why] : left_out) texts.push_back(where.substr(folder.size()) + ": " + why);
    return texts;
  }
};

TEST_F(DemonstrationSearchTest, NamesWhatLooksLikeDemonstrationsAndIsNone) {
  std::ofstream(folder_ + "/a/push.h5.bak") << "x";
  std::ofstream(folder_ + "/a/notes.txt") << "x";
  std::ofstream(folder_ + "/set-00000-of-00010.tfrecord-00001") << "x";
  fs::create_symlink("nowhere.h5", folder_ + "/a/gone.h5");
  fs::create_directories(folder_ + "/half/meta/episodes");
  fs::copy_file(path_, folder_ + "/a/UPPER.H5");
  const FoundDemonstrations found = find_demonstrations({folder_});
  EXPECT_THAT(found.files, ElementsAre(folder_ + "/a/UPPER.H5", path_));
  EXPECT_THAT(lines(found.left_out, folder_),
              ElementsAre("/a/gone.h5: a link to nothing", "/a/push.h5.bak: its name does not end in .h5 or .hdf5",
                          "/half: a LeRobot data set without its meta/info.json",
                          "/set-00000-of-00010.tfrecord-00001: RLDS, which is not read: convert it to LeRobot"));
}

TEST_F(DemonstrationSearchTest, NothingIsNotSaidOfAFolderWhereSomethingWasLeftOut) {
  fs::rename(path_, path_ + ".old");
  const Problem problem = problem_of<ConfigError>([&] { find_demonstrations({folder_}); });
  EXPECT_THAT(problem.got, HasSubstr("but 1 that look like them: " + path_ + ".old"));
}

TEST_F(DemonstrationSearchTest, OtherGroupsOfAFileAreNamed) {
  write_demonstrations(path_, {.steps = {2, 2, 2, 2, 2, 2}});
  const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Lmove(file, "traj_2", file, "traj_2_retry", H5P_DEFAULT, H5P_DEFAULT);
  H5Lmove(file, "traj_3", file, "episode_3", H5P_DEFAULT, H5P_DEFAULT);
  H5Lmove(file, "traj_5", file, "traj_0007", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_hard(file, "traj_1", file, "traj_01", H5P_DEFAULT, H5P_DEFAULT);
  H5Gclose(H5Gcreate2(file, "meta", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Fclose(file);
  auto root = describe_demonstrations({.steps = {2, 2, 2, 2}});
  root["episodes"][2]["episode_id"] = 4;
  root["episodes"][3]["episode_id"] = 7;
  write_json(path_, root);
  const DemonstrationDataset dataset({path_});
  EXPECT_EQ(dataset.size(), 4);
  EXPECT_EQ(dataset.read(3).actions(1, 0), DemonstrationSketch::action(5, 1, 0));
  EXPECT_THAT(lines(dataset.left_out(), path_),
              ElementsAre(":episode_3: not named traj_0, traj_1, …", ":traj_1: the same number as traj_01",
                          ":traj_2_retry: not named traj_0, traj_1, …",
                          ": 4 of the numbers of traj_ are not there: 2 to 3, 5 to 6"));
  EXPECT_EQ(check_demonstrations({path_}, "").left_out.size(), 4u);
}

}  // namespace
}  // namespace physgen
