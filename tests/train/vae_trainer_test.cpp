#include "physgen/train/vae_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/demonstration_writer.h"
#include "physgen/media/image.h"
#include "physgen/vae/vae_checkpoint.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

VaeTrainConfig tiny_config() {
  VaeTrainConfig config;
  config.vae = {
      .widths = {8, 16}, .layers_per_block = 1, .decoder_layers_per_block = 1, .norm_groups = 4, .time_taps = 1};
  config.canvas = {.cameras = {"render_camera"}, .height = 16, .width = 24};
  config.steps = 40;
  config.batch = 4;
  config.learning_rate = {.peak = 5e-3};
  config.augmentation = {.shift = 1};
  config.precision = Precision::float32;
  return config;
}

class VaeTrainerTest : public testing::Test {
 protected:
  VaeTrainerTest() { write_demonstrations((folder_ / "data/demos.h5").string()); }

  VaeReport train(const VaeTrainConfig& config, const std::string& out = "vae") {
    return train_vae(config, {(folder_ / "data").string()}, (folder_ / out).string(), "cpu",
                     [this](const VaeProgress& now) { losses_.push_back(now.loss); });
  }

  TemporaryFolder folder_;
  std::vector<double> losses_;
};

TEST_F(VaeTrainerTest, TheLossFallsAndTheReportIsOfTheEpisodesHeldOut) {
  const VaeReport report = train(tiny_config());
  ASSERT_EQ(losses_.size(), 40);
  EXPECT_LT(losses_.back(), 0.7 * losses_.front());
  EXPECT_EQ(report.training_frames, 6);
  EXPECT_EQ(report.held_out_frames, 4);
  EXPECT_GT(report.mean_absolute_error, 0);
  EXPECT_LT(report.mean_absolute_error, 2);
  EXPECT_TRUE(std::isfinite(report.peak_signal_to_noise));
}

TEST_F(VaeTrainerTest, WhatItSavesIsAVaeWithItsLatentStatistics) {
  train(tiny_config());
  const CausalVae vae = load_vae(folder_ / "vae");
  ASSERT_EQ(vae->config.latent_deviation.size(), 4);
  EXPECT_GT(*std::ranges::min_element(vae->config.latent_deviation), 0);
}

TEST_F(VaeTrainerTest, ItLeavesALineAStepAndAPictureOfTwoRows) {
  train(tiny_config());
  std::istringstream lines(read_bytes(folder_ / "vae/metrics.jsonl"));
  std::string line;
  int64_t count = 0;
  while (std::getline(lines, line)) EXPECT_EQ(nlohmann::json::parse(line)["step"], ++count);
  EXPECT_EQ(count, 40);
  const Image picture = read_png((folder_ / "vae/reconstructions.png").string());
  EXPECT_EQ(picture.height, 2 * 16 + 2);
  EXPECT_EQ(picture.width, 4 * 24 + 3 * 2);
}

TEST_F(VaeTrainerTest, TheSameSeedGivesTheSameVae) {
  VaeTrainConfig config = tiny_config();
  config.steps = 3;
  train(config, "one");
  train(config, "two");
  EXPECT_EQ(read_bytes(folder_ / "one/model.safetensors"), read_bytes(folder_ / "two/model.safetensors"));
  config.seed = 1;
  train(config, "other");
  EXPECT_NE(read_bytes(folder_ / "one/model.safetensors"), read_bytes(folder_ / "other/model.safetensors"));
}

TEST_F(VaeTrainerTest, Bfloat16LearnsToo) {
  VaeTrainConfig config = tiny_config();
  config.precision = Precision::bfloat16;
  train(config);
  EXPECT_LT(losses_.back(), 0.75 * losses_.front());
}

TEST_F(VaeTrainerTest, FewerFramesAreTakenEvenlyWhereThereAreTooMany) {
  VaeTrainConfig config = tiny_config();
  config.steps = 1;
  config.max_frames = 5;
  const VaeReport report = train(config);
  EXPECT_EQ(report.training_frames, 3);
  EXPECT_EQ(report.held_out_frames, 2);
}

TEST_F(VaeTrainerTest, ALossThatIsNotFiniteStopsTheRunAndLeavesNothing) {
  VaeTrainConfig config = tiny_config();
  config.kl_weight = 1e39;  // beyond float32
  const Problem problem = problem_of<Error>([&] { train(config); });
  EXPECT_EQ(problem.where, "step 1");
  EXPECT_EQ(problem.got, "inf");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "vae"));
}

TEST_F(VaeTrainerTest, ACameraThatTheDemonstrationsLackIsNamedWithThoseTheyHave) {
  VaeTrainConfig config = tiny_config();
  config.canvas.cameras = {"wrist"};
  const Problem problem = problem_of<ConfigError>([&] { train(config); });
  EXPECT_EQ(problem.got, "wrist");
  EXPECT_EQ(problem.expected, "one of render_camera");
}

TEST_F(VaeTrainerTest, ACanvasThatCannotBeHalvedIsRefusedBeforeAnyReading) {
  VaeTrainConfig config = tiny_config();
  config.canvas.width = 25;
  const Problem problem = problem_of<ConfigError>([&] { train(config); });
  EXPECT_EQ(problem.where, "canvas");
  EXPECT_EQ(problem.got, "16 x 25");
  EXPECT_EQ(problem.expected, "sides that are multiples of 2");
}

TEST_F(VaeTrainerTest, OneDemonstrationIsTooFew) {
  std::filesystem::remove_all(folder_ / "data");
  write_demonstrations((folder_ / "data/demos.h5").string(), {.steps = {4}});
  EXPECT_EQ(problem_of<ConfigError>([&] { train(tiny_config()); }).got, "1");
}

}  // namespace
}  // namespace physgen
