
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "support/duplicate_key.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "train/metrics_log.h"
#include "train/run_files.h"

namespace physgen {
namespace {

TEST(MetricsLog, EachLineIsOneObject) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  MetricsLog log(path, 0);
  log.write(StepMetrics{.step = 1, .steps = 2, .loss = 0.5, .losses = {{"action", 0.5}}, .learning_rate = 1e-3});
  log.write(StepMetrics{.step = 2, .steps = 2, .loss = std::numeric_limits<double>::quiet_NaN(), .skipped = true});
  log.write(EvaluationMetrics{.step = 2, .numbers = {{"action_error", 0.25}}, .action_errors = {{"gripper", 0.1}}});
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(nlohmann::json::parse(lines[0])["loss"], 0.5);
  EXPECT_EQ(nlohmann::json::parse(lines[0])["action"], 0.5);
  EXPECT_FALSE(nlohmann::json::parse(lines[0]).contains("skipped"));
  EXPECT_TRUE(nlohmann::json::parse(lines[1])["loss"].is_null());
  EXPECT_TRUE(nlohmann::json::parse(lines[1])["skipped"].get<bool>());
  EXPECT_EQ(nlohmann::json::parse(lines[2])["action_error"], 0.25);
  EXPECT_EQ(nlohmann::json::parse(lines[2])["action_errors"]["gripper"], 0.1);
}

TEST(MetricsLog, AResumedRunDropsWhatItWillDoAgainAndATornLine) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_bytes(path,
              "{\"kind\":\"step\",\"step\":1}\n{\"kind\":\"step\",\"step\":2}\n{\"kind\":\"step\",\"step\":3}\n{\"kin");
  MetricsLog log(path, 2);
  log.write(StepMetrics{.step = 3});
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1], "{\"kind\":\"step\",\"step\":2}");
  EXPECT_EQ(nlohmann::json::parse(lines[2])["step"], 3);
}

// What the tensorboard package reads from a folder: [step, value] by tag. Null where it is not installed.
nlohmann::json read_by_tensorboard(const std::filesystem::path& folder) {
  const std::string script = PHYSGEN_SOURCE_DIR "/tests/train/read_events.py";
  // NOLINTNEXTLINE(bugprone-command-processor): a program of ours
  FILE* pipe = ::popen((PHYSGEN_PYTHON " " + script + " " + folder.string()).c_str(), "r");
  std::string text;
  for (int byte = std::fgetc(pipe); byte != EOF; byte = std::fgetc(pipe)) text += static_cast<char>(byte);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 3) return {};
  EXPECT_EQ(status, 0) << "TensorBoard does not read " << folder;
  return nlohmann::json::parse(text);
}

void write_steps(const std::filesystem::path& folder, int64_t from, int64_t to, double loss) {
  MetricsLog log(folder / "metrics.jsonl", from - 1);
  for (int64_t step = from; step <= to; ++step) {
    log.write(StepMetrics{.step = step, .loss = loss * static_cast<double>(step), .learning_rate = 1e-3});
  }
  log.write(EvaluationMetrics{.step = to, .numbers = {{"action_error", loss}}, .action_errors = {{"joint 1", 0.25}}});
}

std::filesystem::path event_file(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) return entry.path();
  }
  return {};
}

TEST(MetricsLog, TensorBoardReadsTheNumbersAndAResumedRunGoesOnWithTheCurves) {
  const TemporaryFolder folder;
  write_steps(folder.path(), 1, 200, 0.5);  // past 128 a step takes two bytes
  const auto torn = event_file(folder.path());
  std::filesystem::resize_file(torn, std::filesystem::file_size(torn) - 7);
  write_steps(folder.path(), 151, 300, 0.25);
  const nlohmann::json curves = read_by_tensorboard(folder.path());
  if (curves.is_null()) GTEST_SKIP() << "needs tensorboard in " << PHYSGEN_PYTHON;
  const nlohmann::json& loss = curves.at("step/loss");
  ASSERT_EQ(loss.size(), 300u);
  for (size_t i = 0; i < loss.size(); ++i) {
    EXPECT_EQ(loss[i][0], i + 1);
    EXPECT_EQ(loss[i][1], static_cast<double>(i + 1) * (i < 150 ? 0.5 : 0.25));
  }
  EXPECT_NEAR(curves.at("step/learning_rate")[0][1].get<double>(), 1e-3, 1e-9);
  EXPECT_EQ(curves.at("evaluation/action_errors/joint 1"), nlohmann::json::parse("[[300, 0.25]]"));
}

TEST(MetricsLog, ADuplicateKeyIsRefused) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_bytes(path, "{\"kind\":\"step\",\"step\":1}\n{\"kin");
  expect_duplicate_key_refused<FormatError>(path, [&] { MetricsLog(path, 2); });
}

TEST(MetricsLog, AFolderThatIsNotThereIsAnError) {
  const TemporaryFolder folder;
  const auto path = folder / "nowhere" / "metrics.jsonl";
  const Problem problem = problem_of<Error>([&] { MetricsLog(path, 0); });
  EXPECT_NE(problem.where.find("metrics.jsonl"), std::string::npos);
}

}  // namespace
}  // namespace physgen
