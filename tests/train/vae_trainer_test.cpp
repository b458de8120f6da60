#include "physgen/train/vae_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/demonstration_writer.h"
#include "physgen/media/image.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/test_device.h"
#include "vae/vae_checkpoint.h"

namespace physgen {
namespace {

VaeTrainConfig tiny_config() {
  VaeTrainConfig config;
  config.vae = {
      .widths = {8, 16}, .layers_per_block = 1, .decoder_layers_per_block = 1, .norm_groups = 4, .time_taps = 1};
  config.canvas = {.cameras = {"render_camera"}, .height = 16, .width = 24};
  config.steps = 40;
  config.batch = 4;
  config.evaluate_every = config.save_every = 20;
  config.optimizer.learning_rate = {.peak = 5e-3};
  config.augmentation = {.shift = 1};
  config.precision = Precision::float32;
  return config;
}

class VaeTrainerTest : public testing::Test {
 protected:
  VaeTrainerTest() { write_demonstrations((folder_ / "data/demos.h5").string()); }

  VaeJob job(const VaeTrainConfig& config, const std::string& out = "vae") const {
    VaeJob job;
    job.config = config;
    job.data = {(folder_ / "data").string()};
    job.out = (folder_ / out).string();
    job.device = test_device_name();
    return job;
  }

  /// Runs a job to its end, or to `stop_after` steps as a signal would end it.
  TrainingResult train(const VaeJob& job, int64_t stop_after = 0) {
    std::atomic<bool> stop = false;
    const TrainingCallbacks callbacks{
        .step =
            [&](const StepMetrics& now) {
              losses_.push_back(now.loss);
              if (now.step == stop_after) stop = true;
            },
        .evaluation = [this](const EvaluationMetrics& now) { evaluations_.push_back(now); },
        .note = [this](const std::string& text) { notes_.push_back(text); }};
    return train_vae(job, callbacks, stop);
  }

  TemporaryFolder folder_;
  std::vector<double> losses_;
  std::vector<EvaluationMetrics> evaluations_;
  std::vector<std::string> notes_;
};

TEST_F(VaeTrainerTest, TheLossFallsAndTheEvaluationIsOfTheEpisodesHeldOut) {
  const TrainingResult result = train(job(tiny_config()));
  EXPECT_EQ(result.step, 40);
  ASSERT_EQ(losses_.size(), 40);
  EXPECT_LT(losses_.back(), 0.7 * losses_.front());
  ASSERT_EQ(evaluations_.size(), 2);
  const double before = number_of(evaluations_[0].numbers, "mean_absolute_error");
  const double after = number_of(evaluations_[1].numbers, "mean_absolute_error");
  EXPECT_LT(after, before);
  EXPECT_EQ(evaluations_[1].score, after);
  EXPECT_TRUE(evaluations_[1].best);
  EXPECT_GT(number_of(evaluations_[1].numbers, "peak_signal_to_noise"), 0);
}

TEST_F(VaeTrainerTest, TheBestIsAVaeWithItsLatentStatisticsAndTheRunStandsForIt) {
  const TrainingResult result = train(job(tiny_config()));
  const CausalVae vae = load_vae(result.best), same = load_vae(folder_ / "vae");
  ASSERT_EQ(vae->config.latent_deviation.size(), 4);
  EXPECT_GT(*std::ranges::min_element(vae->config.latent_deviation), 0);
  EXPECT_EQ(vae->config.latent_mean, same->config.latent_mean);
}

TEST_F(VaeTrainerTest, ItLeavesALineAStepAndAnEvaluationAndAPictureOfTwoRows) {
  train(job(tiny_config()));
  std::istringstream lines(read_bytes(folder_ / "vae/metrics.jsonl"));
  std::string line;
  int64_t steps = 0, evaluations = 0;
  while (std::getline(lines, line)) {
    const auto value = nlohmann::json::parse(line);
    if (value["kind"] == "step") {
      EXPECT_EQ(value["step"], ++steps);
    } else if (value["kind"] == "evaluation") {
      EXPECT_TRUE(value.contains("mean_absolute_error"));
      ++evaluations;
    }
  }
  EXPECT_EQ(steps, 40);
  EXPECT_EQ(evaluations, 2);
  const Image picture = read_png((folder_ / "vae/best/reconstructions.png").string());
  EXPECT_EQ(picture.height, 2 * 16 + 2);
  EXPECT_EQ(picture.width, 4 * 24 + 3 * 2);
}

TEST_F(VaeTrainerTest, TheSameSeedGivesTheSameVaeAndAccumulationAlmostTheSame) {
  VaeTrainConfig config = tiny_config();
  config.steps = 3;
  train(job(config, "one"));
  train(job(config, "two"));
  const auto weights = [&](const std::string& name) { return read_bytes(folder_ / name / "best/model.safetensors"); };
  EXPECT_EQ(weights("one"), weights("two"));
  config.accumulation = 2;
  const std::vector<double> whole(losses_.end() - 3, losses_.end());
  train(job(config, "cut"));
  for (int i = 1; i <= 3; ++i) EXPECT_NEAR(losses_[losses_.size() - i] / whole[3 - i], 1, 1e-5);
  config.seed = 1;
  train(job(config, "other"));
  EXPECT_NE(weights("one"), weights("other"));
}

TEST_F(VaeTrainerTest, ARunThatWasStoppedAndResumedEndsWithTheSameBytes) {
  VaeTrainConfig config = tiny_config();
  config.steps = 8;
  config.evaluate_every = 3;
  config.save_every = 4;
  train(job(config, "unbroken"));
  VaeJob broken = job(config, "broken");
  EXPECT_TRUE(train(broken, 2).stopped);
  broken.resume = true;
  EXPECT_TRUE(train(broken, 5).stopped);
  EXPECT_EQ(train(broken).step, 8);
  EXPECT_EQ(notes_, (std::vector<std::string>{"going on from step 2", "going on from step 5"}));
  for (const char* name : {"best/model.safetensors", "best/config.json", "best/reconstructions.png",
                           "step-00000008/training.safetensors", "step-00000008/model.safetensors"}) {
    EXPECT_TRUE(read_bytes(folder_ / "broken" / name) == read_bytes(folder_ / "unbroken" / name)) << name;
  }
}

TEST_F(VaeTrainerTest, ARunGoesOnWithItsOwnConfigAndDemonstrationsAlone) {
  VaeTrainConfig config = tiny_config();
  config.steps = 2;
  train(job(config));
  EXPECT_NE(problem_of<ConfigError>([&] { train(job(config)); }).next_step.find("--resume"), std::string::npos);
  VaeJob other = job(config);
  other.resume = true;
  other.config.batch = 8;
  EXPECT_EQ(problem_of<ConfigError>([&] { train(other); }).got, "\"batch\": 8");
  other.config.batch = 4;
  write_demonstrations((folder_ / "data/more.h5").string());
  EXPECT_NE(problem_of<ConfigError>([&] { train(other); }).got.find("data_sha256"), std::string::npos);
}

TEST_F(VaeTrainerTest, AFolderThatIsACheckpointIsNotTrainedInto) {
  save_vae(folder_ / "vae", CausalVae(tiny_config().vae));
  const Problem problem = problem_of<ConfigError>([&] { train(job(tiny_config())); });
  EXPECT_EQ(problem.what, "the output folder is a checkpoint");
}

TEST_F(VaeTrainerTest, Bfloat16LearnsToo) {
  VaeTrainConfig config = tiny_config();
  config.precision = Precision::bfloat16;
  train(job(config));
  EXPECT_LT(losses_.back(), 0.75 * losses_.front());
}

TEST_F(VaeTrainerTest, LossesThatAreNotFiniteEndTheRunAtOnceOrAfterTenInARow) {
  VaeTrainConfig config = tiny_config();
  config.kl_weight = 1e39;  // beyond float32
  Problem problem = problem_of<Error>([&] { train(job(config)); });
  EXPECT_TRUE(problem.where.starts_with("step 10, of 6 training frames number ")) << problem.where;
  EXPECT_TRUE(problem.got.ends_with("10 such steps in a row")) << problem.got;
  config.non_finite = NonFinite::stop;
  problem = problem_of<Error>([&] { train(job(config, "other")); });
  EXPECT_TRUE(problem.where.starts_with("step 1, ")) << problem.where;
}

TEST_F(VaeTrainerTest, FramesOfATaskWithoutAnInstructionAreEnough) {
  write_demonstrations((folder_ / "data/demos.h5").string(), {.task = "PourWater"});
  VaeTrainConfig config = tiny_config();
  config.steps = 1;
  EXPECT_EQ(train(job(config)).step, 1);
}

TEST_F(VaeTrainerTest, ACameraThatTheDemonstrationsLackIsNamedWithThoseTheyHave) {
  VaeTrainConfig config = tiny_config();
  config.canvas.cameras = {"wrist"};
  const Problem problem = problem_of<ConfigError>([&] { train(job(config)); });
  EXPECT_EQ(problem.got, "\"wrist\"");
  EXPECT_EQ(problem.expected, "render_camera");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "vae"));
}

TEST_F(VaeTrainerTest, ACanvasThatCannotBeHalvedIsRefusedBeforeAnyReading) {
  VaeTrainConfig config = tiny_config();
  config.canvas.width = 25;
  const Problem problem = problem_of<ConfigError>([&] { train(job(config)); });
  EXPECT_EQ(problem.where, "canvas");
  EXPECT_EQ(problem.got, "16 x 25");
  EXPECT_EQ(problem.expected, "sides that are multiples of 2");
}

TEST_F(VaeTrainerTest, OneDemonstrationIsTooFew) {
  std::filesystem::remove_all(folder_ / "data");
  write_demonstrations((folder_ / "data/demos.h5").string(), {.steps = {4}});
  EXPECT_EQ(problem_of<ConfigError>([&] { train(job(tiny_config())); }).got, "1");
}

TEST(VaeTrainConfig, KeysOfEarlierVersionsAreRead) {
  const std::string old =
      R"({"learning_rate": {"peak": 0.25}, "adam": {"betas": [0.5, 0.75], "weight_decay": 0.125}, "max_gradient_norm": 3})";
  const auto document = ConfigDocument::parse(old, "my.json");
  const auto config = document.read<VaeTrainConfig>();
  EXPECT_EQ(config.optimizer.learning_rate.peak, 0.25);
  EXPECT_EQ(config.optimizer.betas[1], 0.75);
  EXPECT_EQ(config.optimizer.weight_decay, 0.125);
  EXPECT_EQ(config.optimizer.clip_norm, 3);
  EXPECT_EQ(document.notices().size(), 4u);
}

}  // namespace
}  // namespace physgen
