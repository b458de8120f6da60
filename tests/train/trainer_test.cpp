#include <physgen/train/trainer.h>

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include <physgen/files/manifest.h>
#include <physgen/policy/policy_checkpoint.h>

#include "files/atomic_file.h"
#include "support/problem_of.h"
#include "train/run_files.h"
#include "train/tiny_run.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

// Every file of a run's checkpoints, by its path in the run folder.
std::map<std::string, std::string> checkpoints_of(const FinetuneJob& job) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(job.out)) {
    const fs::path path = fs::relative(entry.path(), job.out);
    if (entry.is_regular_file() && path.has_parent_path()) files[path.string()] = read_bytes(entry.path());
  }
  return files;
}

void flip_a_byte(const fs::path& path) {
  std::string bytes = read_bytes(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_bytes(path, bytes);
}

TEST(Trainer, ARunLeavesAPolicyToActWithCheckpointsToContinueFromAndItsMetrics) {
  const TinyRun tiny;
  const FinetuneJob job = tiny.job("run");
  const TrainingResult result = run(job);
  EXPECT_EQ(result.step, 6);
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(result.best, (fs::path(job.out) / "best").string());
  const LoadedPolicy policy = load_policy(result.best);
  EXPECT_EQ(policy.config.control_mode, "pd_joint_pos");
  EXPECT_EQ(policy.config.tasks, std::vector<std::string>{"PushCube-v1"});
  EXPECT_EQ(policy.config.actions.low.size(), 3u);
  EXPECT_TRUE(fs::exists(fs::path(job.out) / "step-00000003" / "training.safetensors"));
  EXPECT_TRUE(fs::exists(fs::path(result.last) / "training.safetensors"));
  EXPECT_FALSE(fs::exists(fs::path(result.best) / "training.safetensors"));
  EXPECT_TRUE(fs::exists(fs::path(result.best) / "imagined.png"));
  const auto steps = metrics_of(job, "step");
  ASSERT_EQ(steps.size(), 6u);
  for (const auto& step : steps) {
    EXPECT_GE(step["waiting_seconds"].get<double>(), 0);
    EXPECT_LE(step["waiting_seconds"].get<double>(), step["seconds"].get<double>());
  }
  const auto evaluations = metrics_of(job, "evaluation");
  ASSERT_EQ(evaluations.size(), 3u);
  EXPECT_TRUE(evaluations[0]["best"].get<bool>());
  EXPECT_EQ(evaluations[0]["action_errors"].size(), 3u);
}

TEST(Trainer, FramesThatWereEncodedOnceServeEveryRun) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.cache = tiny.path("cache");
  job.config.steps = 1;
  int64_t encoded = 0;
  const TrainingCallbacks counting{.encoding = [&](int64_t frames, int64_t) { encoded = frames; }};
  const std::atomic<bool> stop = false;
  const std::string cache = std::exchange(job.cache, "");
  EXPECT_EQ(problem_of<ConfigError>([&] { encode_demonstrations(job, counting, stop); }).where, "cache");
  job.cache = cache;
  EXPECT_TRUE(encode_demonstrations(job, counting, stop));
  EXPECT_EQ(encoded, 12 + 9 + 7 + 10 + 4);
  EXPECT_FALSE(fs::exists(job.out));
  encoded = 0;
  EXPECT_TRUE(encode_demonstrations(job, counting, stop));
  finetune(job, counting, stop);
  EXPECT_EQ(encoded, 0);
  const std::atomic<bool> stopped = true;
  job.cache = tiny.path("another");
  EXPECT_FALSE(encode_demonstrations(job, counting, stopped));
}

TEST(Trainer, TrainingLowersTheLossOnHeldOutEpisodes) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.config.steps = 80;
  job.config.evaluate_every = 40;
  job.config.ema_decay = 0.9;
  run(job);
  const auto evaluations = metrics_of(job, "evaluation");
  const auto steps = metrics_of(job, "step");
  EXPECT_LT(evaluations[1]["action"].get<double>(), 0.8 * steps[0]["action"].get<double>());
  EXPECT_LT(evaluations[1]["observation"].get<double>(), steps[0]["observation"].get<double>());
}

TEST(Trainer, ARunThatWasStoppedAndResumedEndsWithTheSameBytes) {
  const TinyRun tiny;
  FinetuneJob unbroken = tiny.job("unbroken"), broken = tiny.job("broken");
  unbroken.config.save_every = broken.config.save_every = 4;
  unbroken.config.keep_last = broken.config.keep_last = 1;
  run(unbroken);
  EXPECT_TRUE(run(broken, 1).stopped);
  broken.resume = true;
  EXPECT_TRUE(run(broken, 3).stopped);
  EXPECT_EQ(run(broken).step, 6);
  const auto expected = checkpoints_of(unbroken);
  EXPECT_EQ(expected.size(), 5u + 6u);
  EXPECT_TRUE(checkpoints_of(broken) == expected);
  EXPECT_EQ(metrics_of(broken, "step").size(), 6u);
}

TEST(Trainer, ResumingAFinishedRunChangesNothing) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  run(job);
  const auto before = checkpoints_of(job);
  job.resume = true;
  EXPECT_EQ(run(job).step, 6);
  EXPECT_TRUE(checkpoints_of(job) == before);
}

TEST(Trainer, ResumingWhereNothingIsStartsTheRun) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.resume = true;
  EXPECT_EQ(run(job).step, 6);
}

TEST(Trainer, ADamagedNewestCheckpointIsNamedAndTheOneBeforeItUsed) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  run(job);
  const std::string expected = read_bytes(fs::path(job.out) / "step-00000006" / "model.safetensors");
  flip_a_byte(fs::path(job.out) / "step-00000006" / "training.safetensors");
  std::vector<std::string> notes;
  job.resume = true;
  run(job, 0, {.note = [&](const std::string& text) { notes.push_back(text); }});
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_NE(notes[0].find("step-00000006"), std::string::npos) << notes[0];
  EXPECT_NE(notes[0].find("training.safetensors"), std::string::npos) << notes[0];
  EXPECT_EQ(notes[1], "going on from step 3");
  EXPECT_EQ(read_bytes(fs::path(job.out) / "step-00000006" / "model.safetensors"), expected);
}

TEST(Trainer, ARunWhoseCheckpointsAreAllDamagedDoesNotStartOver) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  run(job);
  for (const char* step : {"step-00000003", "step-00000006"}) flip_a_byte(fs::path(job.out) / step / "config.json");
  job.resume = true;
  const Problem problem = problem_of<FormatError>([&] { run(job); });
  EXPECT_EQ(problem.where, job.out);
  EXPECT_EQ(problem.got, "2 damaged checkpoints");
}

TEST(Trainer, WhatAKilledProcessLeftBehindIsRemovedAndNotCounted) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  run(job, 3);
  fs::copy(fs::path(job.out) / "step-00000003", fs::path(job.out) / "step-00000005.partial-999999");
  write_bytes(fs::path(job.out) / "metrics.jsonl.partial-999999", "{");
  std::ofstream(fs::path(job.out) / "metrics.jsonl", std::ios::app) << R"({"kind":"step","step":4,"loss":1})"
                                                                    << "\n{\"ki";
  job.resume = true;
  run(job);
  EXPECT_FALSE(fs::exists(fs::path(job.out) / "step-00000005.partial-999999"));
  EXPECT_FALSE(fs::exists(fs::path(job.out) / "metrics.jsonl.partial-999999"));
  EXPECT_EQ(metrics_of(job, "step").size(), 6u);
}

TEST(Trainer, AFolderThatHoldsARunIsRefusedWithoutResume) {
  const TinyRun tiny;
  const FinetuneJob job = tiny.job("run");
  run(job);
  const auto before = checkpoints_of(job);
  const Problem problem = problem_of<ConfigError>([&] { run(job); });
  EXPECT_EQ(problem.where, job.out);
  EXPECT_NE(problem.next_step.find("--resume"), std::string::npos);
  EXPECT_TRUE(checkpoints_of(job) == before);
}

TEST(Trainer, AnotherConfigOrOtherDemonstrationsCannotContinueARun) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  run(job, 3);
  job.resume = true;
  FinetuneJob other = job;
  other.config.batch = 8;
  Problem problem = problem_of<ConfigError>([&] { run(other); });
  EXPECT_EQ(problem.got, "\"batch\": 8");
  EXPECT_EQ(problem.expected, "\"batch\": 4");
  DemonstrationSketch sketch = TinyRun::sketch();
  sketch.steps = {5, 6, 7, 8};
  tiny.write_demonstrations(tiny.path("other") / "other.h5", sketch);
  other = job;
  other.data = {tiny.path("other").string()};
  problem = problem_of<ConfigError>([&] { run(other); });
  EXPECT_NE(problem.where.find("other.h5"), std::string::npos);
  EXPECT_EQ(run(job).step, 6);
}

TEST(Trainer, ASecondRunOnTheSameFolderIsRefused) {
  const TinyRun tiny;
  const FinetuneJob job = tiny.job("run");
  const RunLock lock(job.out);
  const Problem problem = problem_of<ConfigError>([&] { run(job); });
  EXPECT_EQ(problem.where, job.out);
  EXPECT_FALSE(fs::exists(fs::path(job.out) / "job.json"));
}

TEST(Trainer, StoppingWhileFramesAreEncodedEndsTheRunBeforeItsFirstStep) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  std::atomic<bool> stop = false;
  const TrainingCallbacks report{.encoding = [&](int64_t, int64_t) { stop = true; }};
  const TrainingResult result = finetune(job, report, stop);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.step, 0);
  job.resume = true;
  EXPECT_EQ(run(job).step, 6);
}

TEST(Trainer, ATimeLimitEndsTheRunWithEverythingSaved) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.config.max_minutes = 1e-9;
  EXPECT_LT(run(job).step, 6);
  job.resume = true;
  job.config.max_minutes.reset();
  EXPECT_EQ(run(job).step, 6);
}

TEST(Trainer, MetricsSayHowLongEachSaveHeldTheStepsUpAndWhatMemoryTheProcessTook) {
  const TinyRun tiny;
  const FinetuneJob job = tiny.job("run");
  run(job);
  const auto saves = metrics_of(job, "save");
  ASSERT_GE(saves.size(), 2u);  // step 3, step 6, and the best ones
  EXPECT_EQ(saves.back()["step"], 6);
  for (const auto& save : saves) {
    EXPECT_GT(save["stalled_seconds"].get<double>(), 0);
    EXPECT_GT(save["peak_resident_mib"].get<int64_t>(), 50);  // LibTorch alone takes more
  }
}

TEST(Trainer, ASaveThatFailsEndsTheRun) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.config.evaluate_every = 1000;
  job.config.save_every = 2;
  TrainingCallbacks report;
  report.step = [&](const StepMetrics& now) {  // where the checkpoint of step 2 belongs there is a file
    if (now.step == 1) write_bytes(fs::path(job.out) / "step-00000002", "");
  };
  const Problem problem = problem_of<Error>([&] { run(job, 0, report); });
  EXPECT_NE(problem.where.find("step-00000002"), std::string::npos);
}

TEST(Trainer, OnlyTheLastCheckpointsAreKept) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.config.save_every = 1;
  run(job);
  std::vector<std::string> steps;
  for (const auto& entry : fs::directory_iterator(job.out)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("step-")) steps.push_back(name);
  }
  std::sort(steps.begin(), steps.end());
  EXPECT_EQ(steps, (std::vector<std::string>{"step-00000005", "step-00000006"}));
}

TEST(Trainer, WithoutHeldOutEpisodesTheNewestPolicyIsTheBest) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.config.held_out = 0;
  const TrainingResult result = run(job);
  EXPECT_FALSE(fs::exists(fs::path(result.best) / "imagined.png"));
  EXPECT_EQ(read_bytes(fs::path(result.best) / "model.safetensors"),
            read_bytes(fs::path(result.last) / "model.safetensors"));
  EXPECT_TRUE(metrics_of(job, "evaluation").empty());
}

TEST(Trainer, SeveralDatasetsAugmentationAndAStateTokenWorkTogether) {
  const TinyRun tiny;
  tiny.write_demonstrations(tiny.path("more") / "more.h5");
  FinetuneJob job = tiny.job("run");
  job.data.push_back(tiny.path("more").string());
  job.weights = {1, 2};
  job.config.model.codec.state_token = true;
  job.config.augmentation.variants = 2;
  EXPECT_EQ(run(job).step, 6);
  EXPECT_EQ(load_policy(job.out + "/best").config.states.low.size(), 5u);
  job.weights = {1};
  job.out += '2';
  EXPECT_EQ(problem_of<ConfigError>([&] { run(job); }).where, "weights");
}

TEST(Trainer, PretrainingLearnsFramesAloneAndFinetuningGoesOnFromThere) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("pretrained");
  job.config.loss.action = false;
  run(job);
  const auto evaluations = metrics_of(job, "evaluation");
  EXPECT_FALSE(evaluations[0].contains("action_error"));
  EXPECT_EQ(evaluations[0]["action"].get<double>(), 0);
  FinetuneJob next = tiny.job("finetuned");
  next.init = job.out + "/best";
  next.vae.clear();
  next.config.mode = TrainMode::full;
  next.config.optimizer.learning_rate.peak = 0;
  next.config.model = {};  // the checkpoint's own counts
  next.config.steps = 1;
  run(next);
  EXPECT_EQ(read_bytes(fs::path(next.out) / "best" / "model.safetensors"),
            read_bytes(fs::path(job.out) / "best" / "model.safetensors"));
}

class TrainModes : public testing::TestWithParam<TrainMode> {};

TEST_P(TrainModes, OnlyWhatTheModeNamesIsTrained) {
  const TinyRun tiny;
  const FinetuneJob first = tiny.job("first");
  run(first);
  FinetuneJob job = tiny.job("second");
  job.init = first.out + "/best";
  job.config.mode = GetParam();
  job.config.lora_rank = 2;
  run(job, 3);
  job.resume = true;
  const TrainingResult result = run(job);
  const auto before = weights_of(job.init), after = weights_of(result.last);
  bool head_changed = false, adapters_changed = false;
  for (const auto& [name, tensor] : after) {
    const bool is_adapter = name.ends_with("lora_a") || name.ends_with("lora_b");
    const bool same = !is_adapter && at::equal(tensor, before.at(name));
    const bool frozen = GetParam() != TrainMode::full && name.starts_with("nova.") && !is_adapter;
    EXPECT_TRUE(same || !frozen) << name;
    if (name.starts_with("action_head.")) head_changed |= !same;
    if (name.ends_with("lora_b")) adapters_changed |= tensor.count_nonzero().item<int64_t>() > 0;
  }
  EXPECT_TRUE(head_changed);
  EXPECT_EQ(adapters_changed, GetParam() == TrainMode::lora);
  EXPECT_EQ(load_policy(result.last).config.adapter.rank, GetParam() == TrainMode::lora ? 2 : 0);
}

INSTANTIATE_TEST_SUITE_P(All, TrainModes, testing::Values(TrainMode::full, TrainMode::lora, TrainMode::heads));

}  // namespace
}  // namespace physgen
