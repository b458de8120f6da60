#include <gtest/gtest.h>

#include <physgen/policy/controller.h>
#include <physgen/policy/policy_checkpoint.h>

#include "stand_in/stand_in_device.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"
#include "train/fixed_windows.h"
#include "train/policy_training.h"
#include "train/training.h"

namespace physgen {
namespace {

constexpr const char* kDevice = "hpu";

Image picture(uint64_t seed) {
  const at::Tensor pixels = at::randint(256, {16, 16, 3}, generator(seed), at::kByte);
  const uint8_t* data = pixels.const_data_ptr<uint8_t>();
  return {16, 16, {data, data + pixels.numel()}};
}

/// A policy with a state token that drives a robot for some rounds.
class StandInRounds : public testing::Test {
 protected:
  StandInRounds() {
    PolicyConfig config = tiny_policy_config();
    config.model.codec.state_token = true;
    config.states = {std::vector<double>(5, -1), std::vector<double>(5, 1)};
    CausalVae vae(config.vae);
    initialize(*vae, generator(5));
    save_policy(folder_ / "policy", config, state_dict(*make_model(config.model)), state_dict(*vae));
    controller_.emplace(Policy::load(folder_ / "policy", {.device = kDevice}));
  }

  /// What each of some rounds asked of the device.
  std::vector<DeviceCounts> rounds(int64_t count) {
    std::vector<DeviceCounts> all;
    Matrix executed;
    controller_->reset("push it", 7);
    for (int64_t i = 0; i < count; ++i) {
      StandInDevice::reset();
      executed = controller_->act({.views = {picture(i)}, .state = std::vector<float>(5, 0.1f)}, executed);
      all.push_back(StandInDevice::counts());
    }
    return all;
  }

  TemporaryFolder folder_;
  std::optional<Controller> controller_;
};

TEST_F(StandInRounds, ARoundTalksToTheDeviceThreeTimesAndKeepsNoMoreOfIt) {
  const std::vector<DeviceCounts> first = rounds(7), second = rounds(7), third = rounds(7);  // past 3 packs
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(third[i].copies_in, 2) << "the frame; executed actions, state, noise and start; in round " << i;
    EXPECT_EQ(third[i].copies_out, 1) << "actions; in round " << i;
    EXPECT_EQ(third[i].of_each, second[i].of_each) << "a program of its own; in round " << i;
    EXPECT_EQ(third[i].allocations, second[i].allocations) << i;
    EXPECT_EQ(third[i].live_bytes, second.back().live_bytes) << "nothing outlives the round; in round " << i;
  }
  EXPECT_EQ(third[4].of_each, third[6].of_each) << "sliding is one program";
}

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
