#include <gtest/gtest.h>

#include <physgen/policy/controller.h>
#include "policy/controller_fixture.h"
#include "stand_in/stand_in_device.h"
#include "support/temporary_folder.h"
#include "train/fixed_windows.h"
#include "train/policy_training.h"
#include "train/training.h"

namespace physgen {
namespace {

constexpr const char* kDevice = "hpu";

/// A policy whose robot has a state, and whose frames a stem.
PolicyConfig small_policy() {
  PolicyConfig config = tiny_policy_config();
  config.model.codec.state_token = true;
  config.states = {std::vector<double>(5, -1), std::vector<double>(5, 1)};
  config.model.codec.stem_channels = 3;
  return config;
}

/// One with all that the full size has, and few of each: the published backbone's options and a table of instructions,
/// the head and the window of a full-size model, and the published VAE's levels, taps and layers.
PolicyConfig full_size_in_small() {
  PolicyConfig config = tiny_policy_config();
  config.model = ModelConfig();
  NovaConfig& nova = config.model.backbone;
  nova.width = 32;
  nova.heads = 2;
  nova.video_depth = nova.image_depth = 2;
  nova.decoder_width = 24;
  nova.latent_height = 4;
  nova.latent_width = 8;
  nova.text_width = 16;
  nova.text_slots = 6;
  nova.text_rows = 8;
  config.model.text_encoder = TextEncoder::table;
  config.model.text_table = {"push it"};
  config.model.text_lengths = {3};
  config.model.codec = {.action_width = 3, .state_width = 5, .chunk = 8, .execute = 8};
  config.model.head.width = 16;
  config.model.head.depth = 2;
  config.model.head.heads = 2;
  config.vae = VaeConfig();
  config.vae.widths = {8, 8, 16, 16};
  config.vae.norm_groups = 4;
  config.canvas = {.cameras = {"render_camera"}, .height = 32, .width = 64};
  return config;
}

struct Kind {
  std::string name;
  PolicyConfig (*config)();
};

/// A policy that drives a robot for some rounds.
class StandInRounds : public testing::TestWithParam<Kind> {
 protected:
  StandInRounds() {
    save_random_policy(folder_ / "policy", config_);
    controller_.emplace(Policy::load(folder_ / "policy", {.device = kDevice}));
  }

  /// What each round of an episode asked of the device: two past the window.
  std::vector<DeviceCounts> rounds() {
    std::vector<DeviceCounts> all;
    Matrix executed;
    controller_->reset("push it", 7);
    for (int64_t i = 0; i < config_.model.packs + 3; ++i) {
      StandInDevice::reset();
      executed = controller_->act({.views = {picture(i)}, .state = std::vector<float>(5, 0.1f)}, executed);
      all.push_back(StandInDevice::counts());
    }
    return all;
  }

  PolicyConfig config_ = GetParam().config();
  TemporaryFolder folder_;
  std::optional<Controller> controller_;
};

TEST_P(StandInRounds, TalkToTheDeviceThreeTimesAndNeverWaitForANumber) {
  for (const DeviceCounts& round : (rounds(), rounds())) {
    EXPECT_EQ(round.copies_in, 2) << "the frame; executed actions, state, noise and start";
    EXPECT_EQ(round.copies_out, 1) << "actions";
    EXPECT_EQ(round.host_reads, 0);
    EXPECT_GT(round.operations, 100);
  }
}

// What a graph of operations needs: the same ones, on memory that stays where it is.
TEST_P(StandInRounds, OfALevelAreOneProgramOnFixedMemory) {
  const std::vector<DeviceCounts> first = rounds(), second = rounds(), third = rounds();
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(third[i].of_each, second[i].of_each) << "a program of its own; in round " << i;
    EXPECT_EQ(third[i].allocations, second[i].allocations) << "of the same sizes; in round " << i;
    EXPECT_EQ(third[i].live_blocks, second.back().live_blocks) << "nothing outlives the round or moves; in round " << i;
  }
  const size_t packs = static_cast<size_t>(config_.model.packs);
  for (size_t i = packs + 1; i < third.size(); ++i) {
    EXPECT_EQ(third[i].of_each, third[packs].of_each) << "sliding is one program; in round " << i;
    EXPECT_EQ(third[i].allocations, third[packs].allocations) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, StandInRounds,
                         testing::Values(Kind{"small", &small_policy}, Kind{"full_size", &full_size_in_small}),
                         [](const auto& kind) { return kind.param.name; });

TEST(StandInTraining, AStepWaitsForTheDeviceOnce) {
  const PolicyConfig config = tiny_policy_config();
  const FixedWindows windows(config.model, 8);
  FinetuneConfig finetune;
  finetune.batch = 8;
  finetune.accumulation = 2;
  finetune.steps = 10;
  CausalVae vae(config.vae);
  const Compute compute{.device = {at::kHPU, 0}};
  PolicyTraining policy(finetune, {config, make_model(config.model), vae}, windows, windows, compute);
  Training training(finetune, 0.9, policy, compute);
  for (int step = 0; step < 2; ++step) training.advance();
  StandInDevice::reset();
  training.advance();
  const DeviceCounts counts = StandInDevice::counts();
  EXPECT_EQ(counts.copies_out, 1);
  EXPECT_GT(counts.operations, 100);
}

}  // namespace
}  // namespace physgen
