#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include <physgen/data/demonstration_check.h>

#include "data/demonstration_writer.h"

namespace physgen {
namespace {

using testing::HasSubstr;

class DemonstrationCheckTest : public testing::Test {
 protected:
  DemonstrationCheckTest() {
    write_demonstrations(folder_ + "/a.h5");
    write_demonstrations(folder_ + "/b.h5");
  }
  ~DemonstrationCheckTest() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ = testing::TempDir() + "demonstration_check_test_" + std::to_string(getpid());
};

TEST_F(DemonstrationCheckTest, ReadsEverything) {
  std::vector<std::string> read;
  const DemonstrationCheck check =
      check_demonstrations({folder_}, "", [&](const std::string& file, int64_t frames, int64_t total) {
        EXPECT_EQ(frames, 6 + 4);
        EXPECT_EQ(total, 6 + 4);
        read.push_back(file);
      });
  EXPECT_EQ(check.files, 2);
  EXPECT_EQ(check.episodes, 4);
  EXPECT_EQ(check.frames, 2 * (6 + 4));
  EXPECT_TRUE(check.problems.empty());
  EXPECT_THAT(read, testing::ElementsAre(folder_ + "/a.h5", folder_ + "/b.h5"));
}

TEST_F(DemonstrationCheckTest, ReportsEveryProblemAndNotOnlyTheFirst) {
  std::vector<float> actions(5 * 8, NAN);
  replace_dataset(folder_ + "/a.h5", "traj_0/actions", H5T_NATIVE_FLOAT, {5, 8}, actions.data());
  remove_object(folder_ + "/a.h5", "traj_1/actions");
  std::filesystem::resize_file(folder_ + "/b.h5", 100);
  const DemonstrationCheck check = check_demonstrations({folder_}, "");
  ASSERT_EQ(check.problems.size(), 3u);
  EXPECT_THAT(check.problems[0].what, HasSubstr("not finite"));
  EXPECT_THAT(check.problems[1].where, HasSubstr("a.h5:traj_1/actions"));
  EXPECT_THAT(check.problems[2].where, HasSubstr("b.h5"));
  EXPECT_EQ(check.frames, 6);
}

TEST_F(DemonstrationCheckTest, ReportsFilesThatDoNotFitTogether) {
  write_demonstrations(folder_ + "/b.h5", {.action_width = 7});
  const DemonstrationCheck check = check_demonstrations({folder_}, "");
  ASSERT_EQ(check.problems.size(), 1u);
  EXPECT_THAT(check.problems[0].what, HasSubstr("width of actions"));
}

TEST_F(DemonstrationCheckTest, NamesAPathThatDoesNotExist) {
  EXPECT_THROW(check_demonstrations({"/nowhere"}, ""), ConfigError);
}

TEST(AlikeTogether, CountsWhatDiffersInItsPlaceAndNumbersAlone) {
  const auto problem = [](const std::string& what, const std::string& where, const std::string& got) {
    return Problem{.what = what, .where = where, .got = got, .expected = "", .next_step = ""};
  };
  const auto counted = alike_together({problem("no frame", "a, row 1", "0.1 s"), problem("no file", "b", ""),
                                       problem("no frame", "a, row 2", "0.25 s"), problem("no frame", "c", "none")});
  ASSERT_EQ(counted.size(), 3u);
  EXPECT_EQ(counted[0].problem.where, "a, row 1");
  EXPECT_EQ(counted[0].times, 2);
  EXPECT_EQ(counted[1].times, 1);
  EXPECT_EQ(counted[2].problem.got, "none");
}

}  // namespace
}  // namespace physgen
