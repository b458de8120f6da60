
#include <gtest/gtest.h>

#include <set>

#include "support/problem_of.h"
#include "train/tiny_run.h"
#include "train/window_loader.h"

namespace physgen {
namespace {

class WindowLoaderTest : public testing::Test {
 protected:
  WindowLoaderTest() : sets_(read_demonstrations({tiny_.data()}, "", 0.25, 1)) {
    policy_.model = tiny_model_config();
    policy_.model.codec.state_token = true;
    describe_data(sets_, Normalization::min_max, policy_);
    latents_.push_back(numbered_latents());
  }

  // Frame f of episode e has the value 100 e + f everywhere; variant 1 is 1000 more.
  LatentStore numbered_latents() const {
    std::vector<int64_t> rows = {0};
    std::vector<at::Tensor> frames;
    for (const Episode& episode : sets_[0].episodes) {
      const int64_t count = episode.info.control_steps + 1;
      const double first = 100.0 * static_cast<double>(rows.size() - 1);
      frames.push_back(at::arange(first, first + static_cast<double>(count), at::kFloat));
      rows.push_back(rows.back() + count);
    }
    const at::Tensor all = at::cat(frames).view({-1, 1, 1, 1}).expand({rows.back(), 2, 8, 8}).contiguous();
    return {{all, all + 1000}, rows};
  }

  WindowLoader loader(const WindowChoice& choice) const { return {sets_, latents_, policy_, choice}; }

  TinyRun tiny_;
  std::vector<DemonstrationSet> sets_;
  PolicyConfig policy_;
  std::vector<LatentStore> latents_;
};

TEST_F(WindowLoaderTest, FramesActionsAndStatesOfAWindowBelongTogether) {
  const WindowLoader windows = loader({.variants = false});
  const WindowBatch batch = windows.batch(0, windows.size());
  for (int64_t row = 0; row < windows.size(); ++row) {
    const auto first = static_cast<int64_t>(batch.latents[row][0][0][0][0].item<double>());
    const Episode& episode = sets_[0].episodes[static_cast<size_t>(first / 100)];
    const int64_t start = first % 100, length = episode.info.control_steps;
    for (int64_t pack = 0; pack <= 3; ++pack) {
      const int64_t frame = std::min(start + 4 * pack, length);
      EXPECT_EQ(batch.latents[row][pack][1][2][3].item<double>(), static_cast<double>(100 * (first / 100) + frame));
      EXPECT_EQ(batch.frame_valid[row][pack].item<bool>(), start + 4 * pack <= length);
      const Matrix state = policy_.states.normalize(episode.states.row(frame));
      EXPECT_FLOAT_EQ(batch.states[row][pack][4].item<float>(), state(0, 4));
    }
    for (int64_t chunk = 0; chunk < 4; ++chunk) {
      const int64_t action = start + 4 * chunk + 2;
      const Matrix expected = policy_.actions.normalize(episode.actions.row(std::min(action, length - 1)));
      EXPECT_FLOAT_EQ(batch.actions[row][chunk][2][1].item<float>(), expected(0, 1));
      EXPECT_EQ(batch.action_valid[row][chunk][2].item<bool>(), action < length + 4);
    }
  }
}

TEST_F(WindowLoaderTest, AWindowHasTheTaskOfItsRowsAndEndsWhereItChanges) {
  constexpr int64_t kChange = 3;
  for (Episode& episode : sets_[0].episodes) episode.info.later_tasks = {{kChange, "and now back"}};
  const WindowLoader windows = loader({.variants = false});
  const WindowBatch batch = windows.batch(0, windows.size());
  int64_t later = 0;
  for (int64_t row = 0; row < windows.size(); ++row) {
    const auto first = static_cast<int64_t>(batch.latents[row][0][0][0][0].item<double>());
    const Episode& episode = sets_[0].episodes[static_cast<size_t>(first / 100)];
    const int64_t start = first % 100;
    const bool is_later = start >= kChange && episode.info.control_steps > kChange;
    later += is_later;
    EXPECT_EQ(batch.instructions[static_cast<size_t>(row)], is_later ? "and now back" : episode.info.instruction);
    if (is_later || episode.info.control_steps <= kChange) continue;
    EXPECT_EQ(batch.frame_valid[row][1].item<bool>(), start + 4 <= kChange);
    EXPECT_EQ(batch.action_valid[row][0].sum().item<int64_t>(), kChange - start);
  }
  EXPECT_GT(later, 0);
  PolicyConfig policy = policy_;
  describe_data(sets_, Normalization::min_max, policy);
  EXPECT_EQ(policy.instructions.size(), policy_.instructions.size() + 1);
}

TEST_F(WindowLoaderTest, HeldOutEpisodesAreNeverTrainedOn) {
  std::set<int64_t> training, held_out;
  for (const bool apart : {false, true}) {
    const WindowLoader windows = loader({.held_out = apart, .variants = false});
    const at::Tensor first = windows.batch(0, windows.size()).latents.select(1, 0).flatten(1).select(1, 0);
    for (int64_t i = 0; i < first.size(0); ++i) {
      (apart ? held_out : training).insert(static_cast<int64_t>(first[i].item<double>()) / 100);
    }
  }
  EXPECT_EQ(training.size(), 3u);
  ASSERT_EQ(held_out.size(), 1u);
  EXPECT_FALSE(training.contains(*held_out.begin()));
}

TEST_F(WindowLoaderTest, ABatchIsAFunctionOfSeedAndPosition) {
  const WindowChoice choice{.seed = 5, .latent_jitter = 0.1};
  const WindowBatch whole = loader(choice).batch(8, 4);
  const WindowBatch part = loader(choice).batch(10, 2);
  EXPECT_TRUE(at::equal(whole.latents.narrow(0, 2, 2), part.latents));
  EXPECT_TRUE(at::equal(whole.input_latents.narrow(0, 2, 2), part.input_latents));
  EXPECT_FALSE(at::equal(loader({.seed = 6}).batch(8, 4).latents, whole.latents));
}

TEST_F(WindowLoaderTest, JitterIsOnTheInputsAloneAndOfItsDeviation) {
  const WindowBatch batch = loader({.latent_jitter = 0.1, .variants = false}).batch(0, 16);
  const at::Tensor noise = batch.input_latents - batch.latents.narrow(1, 0, 3);
  EXPECT_NEAR(noise.std().item<double>(), 0.1, 0.01);
  EXPECT_TRUE(at::equal(batch.latents, batch.latents.round()));
  EXPECT_FALSE(loader({}).batch(0, 1).input_latents.defined());
}

TEST_F(WindowLoaderTest, BothVariantsAreDrawn) {
  const at::Tensor first = loader({}).batch(0, 40).latents.select(1, 0).flatten(1).select(1, 0);
  const int64_t changed = first.ge(1000).sum().item<int64_t>();
  EXPECT_GT(changed, 8);
  EXPECT_LT(changed, 32);
}

TEST_F(WindowLoaderTest, WindowsAreNamedByTheirEpisodeAndFrame) {
  const WindowLoader windows = loader({.variants = false});
  const double first = windows.batch(3, 1).latents[0][0][0][0][0].item<double>();
  const std::string expected = ":traj_" + std::to_string(static_cast<int64_t>(first) / 100) + " frame " +
                               std::to_string(static_cast<int64_t>(first) % 100);
  EXPECT_NE(windows.names(3, 1).find(expected), std::string::npos) << windows.names(3, 1);
}

TEST_F(WindowLoaderTest, WeightsMustBePositive) {
  EXPECT_EQ(problem_of<ConfigError>([&] { loader({.weights = {-1}}); }).where, "weights");
  EXPECT_EQ(problem_of<ConfigError>([&] { loader({.weights = {1, 2}}); }).got, "2 numbers");
}

}  // namespace
}  // namespace physgen
