#include <gtest/gtest.h>

#include <physgen/policy/controller.h>
#include <physgen/policy/generation.h>

#include "policy/controller_fixture.h"
#include "stand_in/stand_in_device.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "train/fixed_windows.h"
#include "train/policy_training.h"

namespace physgen {
namespace {

constexpr const char* kDevice = "hpu";
constexpr size_t kTooLittle = 64 << 10;

/// What is free beside what other tests still hold.
struct LittleMemory {
  StandInDevice::Size size{static_cast<size_t>(StandInDevice::counts().live_bytes) + kTooLittle};
};

void expect_told(const Problem& problem, const std::string& next_step) {
  EXPECT_EQ(problem.what, "the weights do not fit into the device's memory");
  EXPECT_EQ(problem.where, "device hpu:0");
  EXPECT_EQ(problem.got, "0.1 MiB free");
  EXPECT_NE(problem.expected.find(" MiB for the weights"), std::string::npos) << problem.expected;
  EXPECT_EQ(problem.next_step, next_step);
}

TEST(LittleMemory, OfAPolicyThatActsIsToldWithTheSmallerSetting) {
  const TemporaryFolder folder;
  save_random_policy(folder / "policy", tiny_policy_config());
  const auto load = [&](const std::string& precision) {
    return Policy::load(folder / "policy", {.device = kDevice, .precision = precision});
  };
  {
    const LittleMemory little;
    expect_told(problem_of<Error>([&] { load("float32"); }),
                "pass --precision bfloat16, which takes half of it, or --device cpu");
    expect_told(problem_of<Error>([&] { load("bfloat16"); }), "pass --device cpu, or use a smaller model");
  }
  EXPECT_EQ(load("float32")->device(), "hpu:0") << "afterwards there is enough";
}

TEST(LittleMemory, OfAReleaseThatDrawsIsTold) {
  const std::string release = "nova:" PHYSGEN_SOURCE_DIR "/tests/golden/nova_absolute_ddpm";
  const LittleMemory little;
  expect_told(problem_of<Error>([&] { generate_from_text(release, "A cat.", "", {}, {.device = kDevice}); }),
              "pass --precision bfloat16, which takes half of it, or --device cpu");
}

TEST(LittleMemory, OfATrainingIsToldBeforeItsFirstStep) {
  const PolicyConfig config = tiny_policy_config();
  const FixedWindows windows(config.model, 8);
  CausalVae vae(config.vae);
  const PhysGenModel model = make_model(config.model);
  const LittleMemory little;
  expect_told(problem_of<Error>([&] {
                PolicyTraining({}, {config, model, vae}, windows, windows, {.device = {at::kHPU, 0}});
              }),
              "use a smaller model, or --device cpu; --plan says what a run takes");
}

}  // namespace
}  // namespace physgen
