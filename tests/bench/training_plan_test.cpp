
#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>

#include <physgen/core/error.h>
#include <physgen/policy/checkpoint_summary.h>

#include "bench/training_plan.h"
#include "support/problem_of.h"
#include "train/tiny_run.h"

namespace physgen {
namespace {

const std::string kRelease = PHYSGEN_SOURCE_DIR "/tests/golden/nova_absolute_ddpm";

int64_t bytes_in(const std::filesystem::path& folder) {
  int64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

int64_t bytes_of(const PlannedRoom& room, const std::string& name) {
  for (const PlannedBytes& part : room.parts) {
    if (part.name == name) return part.bytes;
  }
  return 0;
}

// A model whose tensors are most of its files.
FinetuneJob larger_job(const TinyRun& tiny, const std::string& out) {
  FinetuneJob job = tiny.job(out);
  job.config.model.backbone.width = 128;
  job.config.augmentation.variants = 3;
  job.cache.clear();
  return job;
}

int64_t numbers_of(const PlannedPart& part) { return part.trained + part.frozen; }

int64_t numbers_of(const std::string& checkpoint) {
  const CheckpointSummary summary = summarize_checkpoint(checkpoint);
  return std::accumulate(summary.parts.begin(), summary.parts.end(), int64_t{0},
                         [](int64_t sum, const PartSize& part) { return sum + part.parameters; });
}

int64_t numbers_of(const TrainingPlan& plan) {
  return std::accumulate(plan.parts.begin(), plan.parts.end(), int64_t{0},
                         [](int64_t sum, const PlannedPart& part) { return sum + numbers_of(part); });
}

TEST(TrainingPlan, SaysWhatARunLeavesOnTheDiskAndTouchesNothing) {
  const TinyRun tiny;
  const FinetuneJob job = larger_job(tiny, "run");
  const TrainingPlan plan = plan_training(job, PlanBasis::estimate);
  EXPECT_FALSE(std::filesystem::exists(job.out));
  const TrainingResult result = run(job);
  const auto real = static_cast<double>(bytes_in(job.out));
  EXPECT_NEAR(static_cast<double>(plan.disk.phases.front().bytes) / real, 1, 0.2);
  EXPECT_EQ(plan.disk.phases.front().name, "when the run is done");
  EXPECT_EQ(numbers_of(plan), numbers_of(result.best));
  const int64_t frames = 3 * (13 + 10 + 8 + 11);
  EXPECT_EQ(plan.frames, frames);
  EXPECT_EQ(bytes_of(plan.disk, "encoded frames"), frames * 2 * 8 * 8 * 4);
}

TEST(TrainingPlan, CountsWindowsAndHowOftenEachIsSeen) {
  const TinyRun tiny;
  const TrainingPlan plan = plan_training(tiny.job("run"), PlanBasis::estimate);
  EXPECT_EQ(plan.windows + plan.held_out_windows, 12 + 9 + 7 + 10);
  EXPECT_DOUBLE_EQ(plan.epochs(), 6.0 * 4 / static_cast<double>(plan.windows));
  EXPECT_EQ(plan.micro_batch, 2);
  EXPECT_EQ(plan.mode, TrainMode::full);
}

TEST(TrainingPlan, OfAReleaseTrainsAdaptersAndHeads) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.init = "nova:" + kRelease;
  job.vae.clear();
  job.config.lora_rank = 2;
  job.config.steps = 1;
  const TrainingPlan plan = plan_training(job, PlanBasis::estimate);
  EXPECT_EQ(plan.mode, TrainMode::lora);
  EXPECT_EQ(numbers_of(plan), numbers_of(run(job).best));  // with the text's table, whose size the tokens decide
  for (const PlannedPart& part : plan.parts) {
    const bool is_new = part.name == "adapters" || part.name == "action head";
    EXPECT_EQ(part.trained > 0, is_new || part.name == "codec") << part.name;
    if (is_new) {
      EXPECT_EQ(part.frozen, 0) << part.name;
    }
  }
}

TEST(TrainingPlan, GivesEachProcessItsShare) {
  const TinyRun tiny;
  const FinetuneJob job = tiny.job("run");
  const TrainingPlan one = plan_training(job, PlanBasis::estimate), two = plan_training(job, PlanBasis::estimate, 2);
  EXPECT_EQ(two.micro_batch, 1);
  EXPECT_LT(bytes_of(two.memory, "activations"), bytes_of(one.memory, "activations"));
  EXPECT_EQ(bytes_of(two.memory, "weights"), bytes_of(one.memory, "weights"));
  EXPECT_EQ(two.memory_of_all(), (test_device().is_cpu() ? 2 : 1) * two.memory.peak) << "GPUs have memory each";
  const Problem problem = problem_of<ConfigError>([&] { plan_training(job, PlanBasis::estimate, 3); });
  EXPECT_EQ(problem.where, "batch");
}

TEST(TrainingPlan, MeasuresStepsThatAreReallyDone) {
  const TinyRun tiny;
  const FinetuneJob job = tiny.job("run");
  const TrainingPlan plan = plan_training(job, PlanBasis::measure);
  ASSERT_TRUE(plan.measured);
  EXPECT_GT(plan.measured->seconds, 0);
  EXPECT_GT(plan.measured->encoding_seconds, 0);
  EXPECT_GT(plan.measured->peak_memory, 0);
  EXPECT_FALSE(std::filesystem::exists(job.out));
}

TEST(TrainingPlan, RefusesWhatARunRefuses) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  run(job);
  EXPECT_EQ(problem_of<ConfigError>([&] { plan_training(job, PlanBasis::estimate); }).what,
            "the output folder holds a run already");
  job.out = tiny.path("other");
  job.vae.clear();
  EXPECT_EQ(problem_of<ConfigError>([&] { plan_training(job, PlanBasis::estimate); }).where, "--vae");
  job.data.clear();
  EXPECT_EQ(problem_of<ConfigError>([&] { plan_training(job, PlanBasis::estimate); }).where, "data");
}

}  // namespace
}  // namespace physgen
