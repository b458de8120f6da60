#include "train/checkpoint_copy.h"

#include <gtest/gtest.h>

#include "train/fixed_windows.h"
#include "train/policy_training.h"
#include "train/tiny_run.h"
#include "train/training.h"

namespace physgen {
namespace {

/// A policy that is trained, always the same.
class CheckpointCopyTest : public testing::TestWithParam<TrainMode> {
 protected:
  static LoadedPolicy policy() {
    LoadedPolicy policy{tiny_policy_config(), make_model(tiny_policy_config().model), TinyRun::make_vae()};
    prepare_training(policy.model, GetParam(), 2, 2);
    return policy;
  }

  static FinetuneConfig config() {
    FinetuneConfig config;
    config.batch = 4;
    config.steps = 8;
    return config;
  }

  TemporaryFolder folder_;
  FixedWindows windows_{tiny_policy_config().model, 4};
  Compute compute_{.device = test_device()};
  PolicyTraining policy_{config(), policy(), windows_, windows_, compute_};
  Training training_{config(), 0.5, policy_, compute_};
};

TEST_P(CheckpointCopyTest, StepsThatAreDoneBeforeItIsWrittenDoNotChangeIt) {
  for (int step = 0; step < 2; ++step) training_.advance();
  const CheckpointCopy copy = training_.copy(false, true);
  copy.write(folder_ / "at once", true);
  for (int step = 0; step < 2; ++step) training_.advance();
  copy.write(folder_ / "later", true);
  training_.copy(false, true).write(folder_ / "of later", true);
  for (const char* name : {"model.safetensors", "vae.safetensors", kTrainingStateName, "config.json"}) {
    EXPECT_TRUE(read_bytes(folder_ / "at once" / name) == read_bytes(folder_ / "later" / name)) << name;
  }
  for (const char* name : {"model.safetensors", kTrainingStateName}) {
    EXPECT_FALSE(read_bytes(folder_ / "at once" / name) == read_bytes(folder_ / "of later" / name)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, CheckpointCopyTest,
                         testing::Values(TrainMode::full, TrainMode::lora, TrainMode::heads));

}  // namespace
}  // namespace physgen
