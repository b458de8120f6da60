#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <physgen/core/error.h>

#include "data/clip_sampler.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

using testing::Each;
using testing::ElementsAre;

EpisodePart whole(int64_t control_steps) { return {.first = 0, .last = control_steps}; }

std::vector<int64_t> epoch_of(const ClipOrder& order, int64_t size, int64_t epoch) {
  std::vector<int64_t> clips;
  for (int64_t i = 0; i < size; ++i) clips.push_back(order.at(epoch * size + i));
  return clips;
}

std::vector<int64_t> sorted(std::vector<int64_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

TEST(ClipSampler, APackOfTheWindowSpansOneStride) {
  const ClipIndex index = index_clip(whole(100), 3, {.packs = 5, .chunk = 8, .chunks = 3, .stride = 8});
  EXPECT_THAT(index.frames, ElementsAre(3, 11, 19, 27, 35, 43));
  EXPECT_THAT(index.frame_valid, Each(true));
  ASSERT_EQ(index.actions.size(), 7u * 8);
  EXPECT_EQ(index.actions[0], 3);
  EXPECT_EQ(index.actions[8], 11);
  EXPECT_EQ(index.actions.back(), 3 + 8 * 6 + 7);
  EXPECT_THAT(index.action_valid, Each(true));
}

TEST(ClipSampler, ChunksOverlapWhereFewerActionsAreExecutedThanPredicted) {
  const ClipIndex index = index_clip(whole(100), 0, {.packs = 2, .chunk = 4, .chunks = 1, .stride = 2});
  EXPECT_THAT(index.frames, ElementsAre(0, 2, 4));
  EXPECT_THAT(index.actions, ElementsAre(0, 1, 2, 3, 2, 3, 4, 5));
}

TEST(ClipSampler, OneChunkOfHoldingStillIsSupervisedAndNothingAfterIt) {
  const ClipIndex index = index_clip(whole(10), 6, {.packs = 3, .chunk = 4, .chunks = 2, .stride = 4});
  EXPECT_THAT(index.frames, ElementsAre(6, 10, 10, 10));
  EXPECT_THAT(index.frame_valid, ElementsAre(true, true, false, false));
  for (size_t i = 0; i < index.actions.size(); ++i) {
    EXPECT_EQ(index.actions[i], 6 + static_cast<int64_t>(i));
    EXPECT_EQ(index.action_valid[i], index.actions[i] < 14) << i;
  }
}

TEST(ClipSampler, AWindowOfTheLastFrameButOneHasOneRecordedAction) {
  const ClipIndex index = index_clip(whole(10), 9, {});
  EXPECT_THAT(index.frame_valid, ElementsAre(true, false, false, false, false, false));
  EXPECT_EQ(index.actions[0], 9);
  EXPECT_EQ(std::count(index.action_valid.begin(), index.action_valid.end(), true), 9);
}

TEST(ClipSampler, AWindowKeepsToItsPartOfTheEpisode) {
  const EpisodeInfo info{.source = "",
                         .task = "",
                         .instruction = "open",
                         .control_mode = "",
                         .control_steps = 20,
                         .later_tasks = {{10, "take"}, {15, "close"}, {20, "of the last row alone"}}};
  ASSERT_EQ(parts_of(info).size(), 3u);
  EXPECT_EQ(part_of(info, 9).instruction, "open");
  EXPECT_EQ(part_of(info, 10).instruction, "take");
  EXPECT_EQ(part_of(info, 19).instruction, "close");
  const ClipIndex index = index_clip(part_of(info, 6), 6, {.packs = 3, .chunk = 4, .chunks = 1, .stride = 4});
  EXPECT_THAT(index.frames, ElementsAre(6, 10, 10, 10));
  EXPECT_THAT(index.frame_valid, ElementsAre(true, true, false, false));
  EXPECT_EQ(std::count(index.action_valid.begin(), index.action_valid.end(), true), 4);
  const ClipIndex last = index_clip(part_of(info, 16), 16, {.packs = 3, .chunk = 4, .chunks = 1, .stride = 4});
  EXPECT_THAT(last.frames, ElementsAre(16, 20, 20, 20));
  EXPECT_EQ(std::count(last.action_valid.begin(), last.action_valid.end(), true), 8);
  EXPECT_THROW(index_clip(part_of(info, 6), 10, {}), ConfigError);
}

TEST(ClipSampler, RefusesAStartOutsideTheEpisodeAndImpossibleShapes) {
  EXPECT_THROW(index_clip(whole(10), 10, {}), ConfigError);
  EXPECT_THROW(index_clip(whole(10), -1, {}), ConfigError);
  try {
    index_clip(whole(10), 0, {.stride = 0});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.problem().where, "stride");
    EXPECT_EQ(error.problem().got, "0");
    EXPECT_EQ(error.exit_code(), 2);
  }
}

TEST(ClipSampler, HoldingStillRepeatsAbsoluteActionsAndStopsRelativeOnes) {
  Matrix actions(2, 3);
  actions << 1, 2, 3, 4, 5, -1;
  std::vector<float> out(3);
  held_action(actions, "pd_joint_pos", 0, out);
  EXPECT_THAT(out, ElementsAre(1, 2, 3));
  held_action(actions, "pd_joint_pos", 5, out);
  EXPECT_THAT(out, ElementsAre(4, 5, -1));
  held_action(actions, "pd_ee_delta_pose", 1, out);
  EXPECT_THAT(out, ElementsAre(4, 5, -1));
  held_action(actions, "pd_ee_delta_pose", 2, out);
  EXPECT_THAT(out, ElementsAre(0, 0, -1));
  for (const char* relative : {"pd_joint_vel", "osc_pose"}) {
    held_action(actions, relative, 2, out);
    EXPECT_THAT(out, ElementsAre(0, 0, -1)) << relative;
  }
}

TEST(ClipSampler, GathersTheActionsOfAClip) {
  Matrix actions(3, 2);
  actions << 0, 10, 1, 11, 2, 12;
  const Matrix clip =
      clip_actions(actions, "pd_ee_pose", index_clip(whole(3), 1, {.packs = 1, .chunk = 3, .chunks = 1, .stride = 3}));
  Matrix expected(3, 2);
  expected << 1, 11, 2, 12, 2, 12;
  EXPECT_EQ(clip, expected);
}

EpisodeInfo episode_of(int64_t steps, int64_t look_every = 1) {
  EpisodeInfo info;
  info.source = "file:traj_0";
  info.control_steps = steps;
  info.look_every = look_every;
  return info;
}

TEST(ClipSampler, EveryFrameButTheLastStartsAClip) {
  EXPECT_THAT(all_clips({episode_of(2), episode_of(1), episode_of(3)}, 2),
              ElementsAre(Clip{0, 0}, Clip{0, 1}, Clip{1, 0}, Clip{2, 0}, Clip{2, 1}, Clip{2, 2}));
}

TEST(ClipSampler, AClipStartsWhereThereIsANewPicture) {
  EXPECT_THAT(all_clips({episode_of(8, 4), episode_of(2)}, 4),
              ElementsAre(Clip{0, 0}, Clip{0, 4}, Clip{1, 0}, Clip{1, 1}));
  EXPECT_EQ(problem_of<ConfigError>([] { all_clips({episode_of(8, 4)}, 6); }).next_step, "set model.codec.execute=4");
}

TEST(ClipOrder, EachEpochVisitsEveryClipOnceInAnotherOrder) {
  for (const int64_t size : {1, 2, 3, 7, 64, 65, 1000}) {
    const ClipOrder order(size, 5);
    std::vector<int64_t> all(static_cast<size_t>(size));
    std::iota(all.begin(), all.end(), 0);
    const auto first = epoch_of(order, size, 0);
    EXPECT_EQ(sorted(first), all);
    EXPECT_EQ(sorted(epoch_of(order, size, 1)), all);
    if (size < 64) continue;
    EXPECT_NE(first, all);
    EXPECT_NE(first, epoch_of(order, size, 1));
    EXPECT_NE(first, epoch_of(ClipOrder(size, 6), size, 0));
    EXPECT_EQ(first, epoch_of(ClipOrder(size, 5), size, 0));
  }
}

TEST(ClipOrder, EveryClipIsFirstAboutAsOften) {
  constexpr int64_t kSize = 10;
  constexpr int64_t kEpochs = 10000;
  const ClipOrder order(kSize, 1);
  std::vector<double> counts(kSize, 0);
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) counts[static_cast<size_t>(order.at(epoch * kSize))] += 1;
  double chi_squared = 0;
  for (const double count : counts) chi_squared += (count - 1000) * (count - 1000) / 1000;
  EXPECT_LT(chi_squared, 27.9);  // 9 degrees of freedom: exceeded once in a thousand
}

TEST(ClipOrder, NeighboursAreFarApart) {
  constexpr int64_t kSize = 10000;
  const auto clips = epoch_of(ClipOrder(kSize, 3), kSize, 0);
  double distance = 0;
  for (size_t i = 1; i < clips.size(); ++i) distance += std::abs(static_cast<double>(clips[i] - clips[i - 1]));
  EXPECT_NEAR(distance / (kSize - 1) / kSize, 1.0 / 3, 0.01);  // the mean distance of two uniform draws
}

TEST(MixedOrder, DrawsInProportionToTheWeightsAtEveryPosition) {
  const std::vector<double> weights = {1, 2, 5};
  const MixedOrder order({10, 300, 40}, weights, 9);
  std::vector<double> counts(3, 0);
  std::map<int64_t, std::vector<int64_t>> clips;
  for (int64_t position = 0; position < 4000; ++position) {
    const MixedClip clip = order.at(position);
    counts[static_cast<size_t>(clip.dataset)] += 1;
    clips[clip.dataset].push_back(clip.clip);
    for (size_t i = 0; i < 3; ++i) ASSERT_NEAR(counts[i], static_cast<double>(position + 1) * weights[i] / 8, 2.0);
  }
  EXPECT_EQ(std::set(clips[0].begin(), clips[0].begin() + 10).size(), 10u);
  EXPECT_EQ(std::set(clips[1].begin() + 300, clips[1].begin() + 600).size(), 300u);
  EXPECT_EQ(std::set(clips[2].begin() + 40, clips[2].begin() + 80).size(), 40u);
  EXPECT_EQ(order.at(1234567), MixedOrder({10, 300, 40}, weights, 9).at(1234567));
}

TEST(MixedOrder, RefusesWeightsThatMakeNoSense) {
  EXPECT_THROW(MixedOrder({3, 4}, {1}, 0), ConfigError);
  EXPECT_THROW(MixedOrder({}, {}, 0), ConfigError);
  EXPECT_THROW(MixedOrder({3, 0}, {1, 1}, 0), ConfigError);
  try {
    const MixedOrder order({3, 4}, {1, -2}, 0);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.problem().where, "weights[1]");
  }
}

TEST(SplitEpisodes, HoldsOutADrawnPartAndNeverAll) {
  const EpisodeSplit split = split_episodes(100, 0.1, 4);
  EXPECT_EQ(split.held_out.size(), 10u);
  EXPECT_TRUE(std::is_sorted(split.held_out.begin(), split.held_out.end()));
  std::vector<int64_t> all = split.training;
  all.insert(all.end(), split.held_out.begin(), split.held_out.end());
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 100u);
  EXPECT_EQ(split.held_out, split_episodes(100, 0.1, 4).held_out);
  EXPECT_NE(split.held_out, split_episodes(100, 0.1, 5).held_out);
  EXPECT_EQ(split_episodes(3, 0.01, 0).held_out.size(), 1u);
  EXPECT_EQ(split_episodes(3, 0, 0).held_out.size(), 0u);
  EXPECT_EQ(split_episodes(1, 0.9, 0).training.size(), 1u);
  EXPECT_THROW(split_episodes(3, 1.0, 0), ConfigError);
  EXPECT_THROW(split_episodes(0, 0.1, 0), ConfigError);
}

}  // namespace
}  // namespace physgen
