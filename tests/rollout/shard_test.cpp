#include "rollout/shard.h"

#include <gtest/gtest.h>

#include "support/fake_simulator.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

TEST(Shard, IsReadAsItIsWritten) {
  const Shard second = parse_shard("2/8");
  EXPECT_EQ(second.number, 2);
  EXPECT_EQ(second.count, 8);
  EXPECT_EQ(second.text(), "2/8");
  EXPECT_EQ(second.folder(), "shard-2-of-8");
  EXPECT_EQ(parse_shard("").text(), "1/1");
}

TEST(Shard, EpisodesAreDealtInTurn) {
  for (int64_t episode = 0; episode < 12; ++episode) {
    EXPECT_EQ(parse_shard("1/3").has(episode), episode % 3 == 0);
    EXPECT_EQ(parse_shard("3/3").has(episode), episode % 3 == 2);
    EXPECT_TRUE(parse_shard("").has(episode));
  }
}

TEST(Shard, AnotherFormIsRefused) {
  for (const char* text :
       {"0/8", "9/8", "2", "2/", "/8", "2/8x", "-1/8", "2 /8", "1/1000001", "Auto", "1/99999999999999999999"}) {
    const Problem problem = problem_of<ConfigError>([&] { parse_shard(text); });
    EXPECT_EQ(problem.where, "--shard") << text;
    EXPECT_EQ(problem.got, "\"" + std::string(text) + "\"");
    EXPECT_EQ(problem.expected, "a number and how many there are, 1/8 to 8/8, or auto");
  }
}

TEST(Shard, AutoIsThePlaceInAnArrayOfSlurm) {
  const FakeFaults array{
      {"SLURM_ARRAY_TASK_ID", "12"}, {"SLURM_ARRAY_TASK_MIN", "10"}, {"SLURM_ARRAY_TASK_COUNT", "4"}};
  EXPECT_EQ(chosen_shard("auto").text(), "3/4");
  EXPECT_EQ(chosen_shard("1/2").text(), "1/2");
}

TEST(Shard, AutoIsTheRank) {
  const FakeFaults ranks{{"RANK", "0"}, {"WORLD_SIZE", "2"}};
  EXPECT_EQ(chosen_shard("auto").text(), "1/2");
}

TEST(Shard, AnArrayWithGapsIsRefused) {
  const FakeFaults array{{"SLURM_ARRAY_TASK_ID", "5"}, {"SLURM_ARRAY_TASK_MIN", "3"}, {"SLURM_ARRAY_TASK_COUNT", "2"}};
  const Problem problem = problem_of<ConfigError>([] { chosen_shard("auto"); });
  EXPECT_EQ(problem.got, "task 5 of 2 that begin at 3");
  EXPECT_EQ(problem.expected, "an array without gaps, such as sbatch --array=0-7");
}

TEST(Shard, ARankOutOfTheWorldIsRefused) {
  const FakeFaults ranks{{"RANK", "2"}, {"WORLD_SIZE", "2"}};
  EXPECT_EQ(problem_of<ConfigError>([] { chosen_shard("auto"); }).got, "RANK 2, WORLD_SIZE 2");
}

TEST(Shard, HalfAnEnvironmentIsRefusedByTheNameOfWhatIsMissing) {
  const auto got = [] { return problem_of<ConfigError>([] { chosen_shard("auto"); }).got; };
  {
    const FakeFaults half{{"RANK", "1"}};
    EXPECT_EQ(got(), "RANK without WORLD_SIZE");
  }
  {
    const FakeFaults half{{"SLURM_ARRAY_TASK_ID", "1"}, {"SLURM_ARRAY_TASK_MIN", "0"}};
    EXPECT_EQ(got(), "SLURM_ARRAY_TASK_ID, SLURM_ARRAY_TASK_MIN without SLURM_ARRAY_TASK_COUNT");
  }
  const FakeFaults whole_and_half{{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"SLURM_ARRAY_TASK_COUNT", "2"}};
  EXPECT_EQ(got(), "SLURM_ARRAY_TASK_COUNT without SLURM_ARRAY_TASK_ID, SLURM_ARRAY_TASK_MIN");
}

TEST(Shard, NoEnvironmentTwoOfThemAndWordsForNumbersAreRefused) {
  const auto problem = [] { return problem_of<ConfigError>([] { chosen_shard("auto"); }); };
  EXPECT_EQ(problem().what, "nothing in the environment says which shard this is");
  EXPECT_EQ(problem().next_step, "name the shard: --shard 2/8");
  const FakeFaults ranks{{"RANK", "one"}, {"WORLD_SIZE", "2"}};
  EXPECT_EQ(problem().where, "RANK");
  EXPECT_EQ(problem().got, "\"one\"");
  const FakeFaults array{{"SLURM_ARRAY_TASK_ID", "0"}, {"SLURM_ARRAY_TASK_MIN", "0"}, {"SLURM_ARRAY_TASK_COUNT", "2"}};
  EXPECT_EQ(problem().what, "the environment says twice which shard this is");
}

}  // namespace
}  // namespace physgen
