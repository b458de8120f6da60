
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include <physgen/files/manifest.h>
#include <physgen/policy/controller.h>
#include <physgen/vae/frame_encoder.h>

#include "device/int8.h"
#include "policy/calibration.h"
#include "policy/controller_fixture.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

std::vector<CalibrationWindow> random_windows_of(const ModelConfig& model) {
  std::vector<CalibrationWindow> windows;
  for (uint64_t i = 0; i < 3; ++i) {
    const PackInputs inputs = make_inputs(model, 1, 20 + i);
    windows.push_back({at::randint(256, {model.packs, 16, 16, 3}, generator(30 + i), at::kByte), inputs.actions[0],
                       inputs.states.defined() ? inputs.states[0] : at::Tensor(), "push it"});
  }
  return windows;
}

double difference_of(const Matrix& a, const Matrix& b) { return (a - b).cwiseAbs().maxCoeff(); }

class CalibrationTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!multiplies_bytes()) GTEST_SKIP() << "this CPU does not multiply bytes";
    save_random_policy(path_, config_);
  }

  Calibration calibrated(double tolerance) const {
    return calibrate(load_policy(path_), random_windows_of(config_.model), {.tolerance = tolerance, .report = {}});
  }

  // The actions of some rounds in a precision, each of which sees what was done in `executed`.
  std::vector<Matrix> rounds(const std::string& precision, std::vector<Matrix> executed = {}) const {
    Controller controller(Policy::load(path_, {.device = "cpu", .precision = precision}));
    controller.reset("push it", 7);
    std::vector<Matrix> answers;
    for (uint64_t i = 0; i < 5; ++i) {  // of a window of 3
      const Matrix before = i == 0 ? Matrix() : executed.empty() ? answers.back() : executed[i - 1];
      answers.push_back(controller.act({.views = {picture(10 + i)}, .state = {}}, before));
    }
    return answers;
  }

  PolicyConfig config_ = tiny_policy_config();
  TemporaryFolder folder_;
  fs::path path_ = folder_ / "policy";
};

TEST_F(CalibrationTest, ItSeesEveryLayerThatCan) {
  const Calibration calibration = calibrated(1);
  const LoadedPolicy policy = load_policy(path_);
  std::vector<std::string> seen, named = int8_layers(policy.vae);
  for (const std::string& name : int8_layers(policy.model)) named.push_back(name);
  for (const LayerCalibration& layer : calibration.layers) {
    seen.push_back(layer.name);
    EXPECT_TRUE(layer.int8) << layer.name;
    EXPECT_LT(layer.low, layer.high);
    EXPECT_GT(layer.error, 1e-4);
    EXPECT_LT(layer.error, 0.05);
  }
  std::sort(seen.begin(), seen.end());
  std::sort(named.begin(), named.end());
  EXPECT_EQ(seen, named);
  EXPECT_EQ(calibration.windows, 3);
}

TEST_F(CalibrationTest, TheStagesErrorsAreMeasured) {
  const Calibration all = calibrated(1), none = calibrated(0);
  ASSERT_EQ(all.errors.size(), 3u);
  const char* names[] = {"latents", "conditions", "actions"};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(all.errors[i].stage, names[i]);
    EXPECT_GT(all.errors[i].int8, 1e-3);
    EXPECT_LT(all.errors[i].int8, 0.2);
    EXPECT_EQ(all.errors[i].bfloat16, none.errors[i].bfloat16);
    EXPECT_EQ(none.errors[i].int8, none.errors[i].bfloat16) << "without a layer in int8 that is bfloat16";
  }
}

TEST_F(CalibrationTest, NoLayerIsChosenWhereNothingMayBeLost) { EXPECT_TRUE(scales_of(calibrated(0)).empty()); }

// A tolerance between those of all layers and of none leaves out those that lose most by themselves.
TEST_F(CalibrationTest, TheLayersThatLoseMostAreLeftOut) {
  const Calibration all = calibrated(1);
  const double tolerance = (all.errors[0].int8 + all.errors[0].bfloat16) / 2;
  const Calibration some = calibrated(tolerance);
  double most_chosen = 0, least_left_out = 1;
  for (const LayerCalibration& layer : some.layers) {
    if (!layer.name.starts_with("encoder.")) continue;
    if (layer.int8) most_chosen = std::max(most_chosen, layer.error);
    if (!layer.int8) least_left_out = std::min(least_left_out, layer.error);
  }
  EXPECT_GT(most_chosen, 0);
  EXPECT_LT(least_left_out, 1);
  EXPECT_LE(most_chosen, least_left_out);
  EXPECT_LE(some.errors[0].int8, tolerance);
}

TEST_F(CalibrationTest, WhatIsSavedIsRead) {
  const Calibration calibration = calibrated(0.05);
  for (int turn = 0; turn < 2; ++turn) {  // one that is there is replaced
    save_calibration(path_, calibration);
    EXPECT_EQ(write_config(read_calibration(path_, load_policy(path_))), write_config(calibration));
  }
  EXPECT_EQ(scales_of(read_calibration(path_, load_policy(path_))), scales_of(calibration));
}

TEST_F(CalibrationTest, APolicyWithoutOneIsTheUsersMistake) {
  const Problem problem = problem_of<ConfigError>([&] { Policy::load(path_, {.device = "cpu", .precision = "int8"}); });
  EXPECT_EQ(problem.where, path_.string());
  EXPECT_NE(problem.next_step.find("physgen calibrate --checkpoint " + path_.string()), std::string::npos);
}

TEST_F(CalibrationTest, ADamagedFileIsSeenBeforeItIsUsed) {
  save_calibration(path_, calibrated(1));
  std::ofstream(path_ / "int8.json", std::ios::app) << " ";
  EXPECT_NE(problem_of<FormatError>([&] { load_policy(path_); }).got.find("int8.json"), std::string::npos);
}

TEST_F(CalibrationTest, OnesThatSayNonsenseAreRefused) {
  const Calibration good = calibrated(1);
  const auto refusal_of = [&](const Calibration& bad) {
    save_calibration(path_, bad);
    return problem_of<FormatError>([&] { Policy::load(path_, {.device = "cpu", .precision = "int8"}); });
  };
  Calibration other = good;
  other.layers.front().name = "encoder.conv_in";
  EXPECT_EQ(refusal_of(other).what, "the calibration is of another policy");
  Calibration twice = good;
  twice.layers.push_back(twice.layers.front());
  EXPECT_EQ(refusal_of(twice).what, "the calibration is of another policy");
  Calibration turned = good;
  std::swap(turned.layers.front().low, turned.layers.front().high);
  EXPECT_EQ(refusal_of(turned).what, "a layer's inputs have no range");
}

TEST_F(CalibrationTest, WithoutWindowsThereIsNothingToSee) {
  EXPECT_EQ(problem_of<ConfigError>([&] { calibrate(load_policy(path_), {}); }).got, "no windows");
}

TEST_F(CalibrationTest, AControllerActsAlikeInInt8) {
  save_calibration(path_, calibrated(1));
  const std::vector<Matrix> single = rounds("float32"), bytes = rounds("int8", single);
  for (size_t i = 0; i < single.size(); ++i) {
    EXPECT_NE(single[i], bytes[i]);
    EXPECT_LT(difference_of(config_.actions.normalize(single[i]), config_.actions.normalize(bytes[i])), 0.3);
  }
  EXPECT_NE(bytes, rounds("bfloat16", single));
}

TEST_F(CalibrationTest, TwoLoadsActInTheSameBits) {
  save_calibration(path_, calibrated(1));
  EXPECT_EQ(rounds("int8"), rounds("int8"));
}

TEST_F(CalibrationTest, AdaptersAreMergedFirst) {
  config_.adapter = {.rank = 2, .alpha = 4};
  PhysGenModel model = make_model(config_.model);
  prepare_training(model, TrainMode::lora, 2, 4);
  CausalVae vae(config_.vae);
  initialize(*vae, generator(5));
  save_policy(path_, config_, state_dict(*model), state_dict(*vae));
  save_calibration(path_, calibrated(1));
  EXPECT_EQ(rounds("int8").size(), 5u);
  EXPECT_EQ(load_policy(path_).config.adapter.rank, 2) << "the checkpoint keeps its adapters";
}

}  // namespace
}  // namespace physgen
