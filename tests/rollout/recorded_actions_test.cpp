#include <gtest/gtest.h>

#include "evaluation_fixture.h"
#include "rollout/recorded_actions.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

TEST_F(Evaluation, ItsActionsRepeatItsOutcomes) {
  const TemporaryFolder folder;
  const RolloutConfig config = config_of(4);
  const EvaluationResult first = run(config, options_of(folder / "first", 2));
  for (const EpisodeRecord& record : first.records) {
    EXPECT_EQ(read_recorded_actions(folder / "first", record.episode).rows(), record.control_steps);
  }
  const auto again = [&] { return recorded_policy(folder / "first", config); };
  const EvaluationResult second =
      evaluate(config, options_of(folder / "second"), fake_environment, again, {}, kNeverStop);
  EXPECT_EQ(outcomes_of(first), outcomes_of(second));
  for (const EpisodeRecord& record : first.records) {
    EXPECT_EQ(read_recorded_actions(folder / "second", record.episode),
              read_recorded_actions(folder / "first", record.episode));
  }
}

TEST_F(Evaluation, AnEpisodeThatGoesOnLongerThanItsActionsEndsItself) {
  const TemporaryFolder folder;
  const RolloutConfig config = config_of(2);
  run(config, options_of(folder / "first"));
  for (const int64_t episode : {0, 1}) write_recorded_actions(folder / "first", episode, Matrix::Zero(2, 2));
  const auto standing = [&] { return recorded_policy(folder / "first", config); };
  const EvaluationResult result =
      evaluate(config, options_of(folder / "second"), fake_environment, standing, {}, kNeverStop);
  ASSERT_EQ(result.records.size(), 2u);
  for (const EpisodeRecord& record : result.records) EXPECT_FALSE(record.success);
}

TEST(RecordedActions, MissingAndForeignFilesAreNamed) {
  const TemporaryFolder folder;
  const auto read = [&] { read_recorded_actions(folder.path(), 3); };
  EXPECT_TRUE(problem_of<ConfigError>(read).where.ends_with("actions/episode_0003.safetensors"));
  write_recorded_actions(folder.path(), 3, Matrix::Constant(2, 7, 0.5F));
  EXPECT_EQ(read_recorded_actions(folder.path(), 3), Matrix::Constant(2, 7, 0.5F));
  std::filesystem::resize_file(folder / "actions/episode_0003.safetensors", 40);
  problem_of<FormatError>(read);
}

}  // namespace
}  // namespace physgen
