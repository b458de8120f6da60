#include "distributed/rank_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include <physgen/core/error.h>

#include "support/problem_of.h"

namespace physgen {
namespace {

class RankPlaceTest : public testing::Test {
 protected:
  RankPlaceTest() { clear(); }
  ~RankPlaceTest() override { clear(); }

  static void clear() {
    for (const char* name :
         {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_USE_AGENT_STORE",
          "TORCHELASTIC_RESTART_COUNT", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_RESTART_COUNT"}) {
      unsetenv(name);
    }
  }

  static void set(const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) setenv(name.c_str(), value.c_str(), 1);
  }
};

const std::map<std::string, std::string> kTorchrun = {{"RANK", "5"},
                                                      {"WORLD_SIZE", "8"},
                                                      {"LOCAL_RANK", "1"},
                                                      {"MASTER_ADDR", "node1"},
                                                      {"MASTER_PORT", "29500"},
                                                      {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                                      {"TORCHELASTIC_RESTART_COUNT", "2"}};

TEST_F(RankPlaceTest, AloneWithoutAnEnvironment) {
  const RankPlace place = rank_place();
  EXPECT_EQ(place.rank, 0);
  EXPECT_EQ(place.size, 1);
}

TEST_F(RankPlaceTest, SlurmSaysThatAJobWasBegunAnew) {
  set({{"SLURM_RESTART_COUNT", "2"}});
  EXPECT_EQ(rank_place().restarts, 2);
  EXPECT_EQ(rank_place().size, 1);
  set(kTorchrun);
  EXPECT_EQ(rank_place().restarts, 4) << "those of both";
}

TEST_F(RankPlaceTest, AsTorchrunSays) {
  set(kTorchrun);
  const RankPlace place = rank_place();
  EXPECT_EQ(place.rank, 5);
  EXPECT_EQ(place.size, 8);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.master_host, "node1");
  EXPECT_EQ(place.master_port, 29500);
  EXPECT_TRUE(place.agent_store);
  EXPECT_EQ(place.restarts, 2);
}

TEST_F(RankPlaceTest, AsSlurmSays) {
  set({{"SLURM_PROCID", "3"}, {"SLURM_NTASKS", "4"}, {"SLURM_LOCALID", "1"}});
  EXPECT_EQ(rank_place().size, 1);  // a job's step that does not say where to meet
  set({{"MASTER_ADDR", "node7"}, {"MASTER_PORT", "1234"}});
  EXPECT_EQ(rank_place().rank, 3);
  EXPECT_EQ(rank_place().size, 4);
  EXPECT_FALSE(rank_place().agent_store);
}

TEST_F(RankPlaceTest, RefusesHalfAnEnvironmentAndWrongNumbers) {
  set(kTorchrun);
  unsetenv("MASTER_PORT");
  unsetenv("LOCAL_RANK");
  EXPECT_EQ(problem_of<ConfigError>(rank_place).got, "no LOCAL_RANK, MASTER_PORT");
  set(kTorchrun);
  setenv("RANK", "8", 1);
  EXPECT_EQ(problem_of<ConfigError>(rank_place).expected, "0 to 7");
  setenv("RANK", "x", 1);
  EXPECT_EQ(problem_of<ConfigError>(rank_place).got, "\"x\"");
}

}  // namespace
}  // namespace physgen
