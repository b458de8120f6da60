#include <physgen/train/metrics_log.h>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/duplicate_key.h"
#include "support/problem_of.h"
#include "train/tiny_run.h"

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
