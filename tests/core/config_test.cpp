#include "physgen/core/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "physgen/core/error.h"

namespace physgen {
namespace {

enum class Position { absolute, rope };

constexpr auto choices_of(Position) {
  return std::to_array<Choice<Position>>({{Position::absolute, "absolute"}, {Position::rope, "rope"}});
}

struct AdamConfig {
  double learning_rate = 1e-4;
  std::vector<double> betas = {0.9, 0.95};
};

template <class Field>
void describe(AdamConfig& config, Field& field) {
  field("learning_rate", config.learning_rate, {.least = 0});
  field("betas", config.betas, {.least = 0, .most = 1});
}

struct RunConfig {
  std::string name = "run";
  int64_t steps = 10;
  bool resume = false;
  Position position = Position::rope;
  std::vector<int64_t> sizes = {1, 2};
  std::vector<std::string> tasks = {};
  AdamConfig adam = {};
};

template <class Field>
void describe(RunConfig& config, Field& field) {
  field("name", config.name);
  field("steps", config.steps, {.least = 1, .most = 1000});
  field("resume", config.resume);
  field("position", config.position);
  field("sizes", config.sizes, {.least = 0});
  field("tasks", config.tasks);
  field("adam", config.adam);
}

RunConfig read(const std::string& text) { return ConfigDocument::parse(text, "run.json").read<RunConfig>(); }

/// The problem that `action` throws as a ConfigError, which exits with 2.
template <class Action>
Problem problem_of(Action action) {
  try {
    action();
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.problem();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

Problem problem_with(const std::string& text) {
  return problem_of([&] { read(text); });
}

void expect_problem(const std::string& text, const std::string& where, const std::string& got,
                    const std::string& expected) {
  const Problem problem = problem_with(text);
  EXPECT_EQ(problem.where, where) << text;
  EXPECT_EQ(problem.got, got) << text;
  EXPECT_EQ(problem.expected, expected) << text;
  EXPECT_FALSE(problem.what.empty()) << text;
}

TEST(ConfigTest, EveryKindOfValueIsRead) {
  const RunConfig config = read(R"({"name": "a", "steps": 7, "resume": true, "position": "absolute", "sizes": [],
    "tasks": ["x", "y"], "adam": {"learning_rate": 1, "betas": [0, 1]}})");
  EXPECT_EQ(config.name, "a");
  EXPECT_EQ(config.steps, 7);
  EXPECT_TRUE(config.resume);
  EXPECT_EQ(config.position, Position::absolute);
  EXPECT_TRUE(config.sizes.empty());
  EXPECT_EQ(config.tasks, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(config.adam.learning_rate, 1.0);
  EXPECT_EQ(config.adam.betas, (std::vector<double>{0, 1}));
}

TEST(ConfigTest, AbsentKeysKeepTheValuesGiven) {
  RunConfig given;
  given.steps = 5;
  given.adam.learning_rate = 2;
  const RunConfig config = ConfigDocument::parse(R"({"adam": {"betas": [0.5]}})", "run.json").read(given);
  EXPECT_EQ(config.steps, 5);
  EXPECT_EQ(config.adam.learning_rate, 2);
  EXPECT_EQ(config.adam.betas, std::vector<double>{0.5});
  EXPECT_EQ(config.position, Position::rope);
}

TEST(ConfigTest, WhatIsWrittenIsReadBackAndKeepsTheOrderOfTheList) {
  RunConfig config;
  config.adam.learning_rate = 0.1 + 0.2;
  config.steps = 3;
  config.tasks = {"ä", "\"quoted\""};
  const std::string text = write_config(config);
  EXPECT_LT(text.find("\"name\""), text.find("\"steps\""));
  EXPECT_LT(text.find("\"position\": \"rope\""), text.find("\"adam\""));
  EXPECT_LT(text.find("\"learning_rate\""), text.find("\"betas\""));
  EXPECT_EQ(write_config(read(text)), text);
  EXPECT_EQ(read(text).adam.learning_rate, config.adam.learning_rate);
  EXPECT_EQ(read(text).tasks, config.tasks);
}

TEST(ConfigTest, AnUnknownKeyIsNamedWithItsPathAndTheNearestKey) {
  Problem problem = problem_with(R"({"adam": {"learning_rat": 1}})");
  EXPECT_EQ(problem.where, "run.json: adam.learning_rat");
  EXPECT_EQ(problem.got, "\"learning_rat\"");
  EXPECT_EQ(problem.expected, "one of learning_rate, betas");
  EXPECT_EQ(problem.next_step, "did you mean \"learning_rate\"?");
  problem = problem_with(R"({"zzzzzzzzz": 1})");
  EXPECT_EQ(problem.next_step, "");
  EXPECT_EQ(problem.expected, "one of name, steps, resume, position, sizes, tasks, adam");
}

TEST(ConfigTest, AWrongTypeIsRefused) {
  expect_problem(R"({"steps": 1.7})", "run.json: steps", "1.7 (number)", "an integer from 1 to 1000");
  expect_problem(R"({"steps": 3.0})", "run.json: steps", "3.0 (number)", "an integer from 1 to 1000");
  expect_problem(R"({"steps": "3"})", "run.json: steps", "\"3\" (string)", "an integer from 1 to 1000");
  expect_problem(R"({"steps": true})", "run.json: steps", "true (boolean)", "an integer from 1 to 1000");
  expect_problem(R"({"steps": null})", "run.json: steps", "null (null)", "an integer from 1 to 1000");
  expect_problem(R"({"resume": 1})", "run.json: resume", "1 (number)", "true or false");
  expect_problem(R"({"name": 1})", "run.json: name", "1 (number)", "a string");
  expect_problem(R"({"position": 1})", "run.json: position", "1 (number)", "one of absolute, rope");
  expect_problem(R"({"adam": {"learning_rate": "3"}})", "run.json: adam.learning_rate", "\"3\" (string)",
                 "a number of at least 0");
  expect_problem(R"({"adam": 3})", "run.json: adam", "3 (number)", "an object, or the path of a file that holds one");
  expect_problem(R"({"adam": []})", "run.json: adam", "[] (array)", "an object, or the path of a file that holds one");
  expect_problem(R"({"sizes": 3})", "run.json: sizes", "3 (number)", "a list of integers");
  expect_problem(R"({"sizes": [1, 2.5]})", "run.json: sizes[1]", "2.5 (number)", "an integer of at least 0");
  expect_problem(R"({"tasks": "x"})", "run.json: tasks", "\"x\" (string)", "a list of strings");
  expect_problem(R"({"tasks": ["x", 1]})", "run.json: tasks[1]", "1 (number)", "a string");
  expect_problem(R"({"adam": {"betas": 1}})", "run.json: adam.betas", "1 (number)", "a list of numbers");
}

TEST(ConfigTest, ANumberOutOfRangeIsRefused) {
  expect_problem(R"({"steps": 0})", "run.json: steps", "0", "an integer from 1 to 1000");
  expect_problem(R"({"steps": 1001})", "run.json: steps", "1001", "an integer from 1 to 1000");
  expect_problem(R"({"sizes": [0, -1]})", "run.json: sizes[1]", "-1", "an integer of at least 0");
  expect_problem(R"({"adam": {"betas": [0.5, 1.5]}})", "run.json: adam.betas[1]", "1.5", "a number from 0 to 1");
  expect_problem(R"({"adam": {"learning_rate": -1e-3}})", "run.json: adam.learning_rate", "-0.001",
                 "a number of at least 0");
}

TEST(ConfigTest, AnIntegerTooLargeForSixtyFourBitsIsRefused) {
  const std::string most = "an integer of at most 9223372036854775807";
  expect_problem(R"({"steps": 9223372036854775808})", "run.json: steps", "9223372036854775808", most);
  EXPECT_EQ(problem_with(R"({"steps": 100000000000000000000})").where, "run.json: steps");
  EXPECT_EQ(problem_with(R"({"adam": {"learning_rate": 1e999}})").where, "run.json, line 1, column 33");
}

TEST(ConfigTest, AnUnknownEnumTextIsRefusedWithTheChoices) {
  const Problem problem = problem_with(R"({"position": "ropes"})");
  EXPECT_EQ(problem.where, "run.json: position");
  EXPECT_EQ(problem.got, "\"ropes\"");
  EXPECT_EQ(problem.expected, "one of absolute, rope");
  EXPECT_EQ(problem.next_step, "did you mean \"rope\"?");
}

TEST(ConfigTest, ADuplicateKeyIsRefusedWithItsPath) {
  expect_problem(R"({"steps": 1, "steps": 1})", "run.json, line 1: steps", "\"steps\" a second time", "each key once");
  expect_problem(R"({"adam": {"betas": [], "betas": []}})", "run.json, line 1: adam.betas", "\"betas\" a second time",
                 "each key once");
  EXPECT_NO_THROW(read(R"({"adam": {}, "name": "adam"})"));
}

TEST(ConfigTest, TextThatIsNotJsonIsRefusedWithLineAndColumn) {
  const Problem problem = problem_with("{\n  \"steps\": 1,\n  \"name\" \"a\"\n}");
  EXPECT_EQ(problem.where, "run.json, line 3, column 12");
  EXPECT_NE(problem.got.find("expected ':'"), std::string::npos) << problem.got;
  for (const char* text : {"", "{", "{} {}", "{\"steps\": 1,}", "{\"steps\": 01}", "{\"steps\": NaN}", "// no\n{}",
                           "{\"name\": \"\xff\"}", "{'name': 1}"}) {
    EXPECT_NE(problem_with(text).where.find("run.json, line "), std::string::npos) << text;
  }
}

TEST(ConfigTest, TextAfterAZeroByteDoesNotPassUnseen) {
  EXPECT_EQ(problem_with(std::string("{}\0 unseen", 10)).what, "a JSON text holds a zero byte");
}

TEST(ConfigTest, AnotherValueThanAnObjectIsRefused) {
  expect_problem("[1]", "run.json", "[1] (array)", "one JSON object");
  expect_problem("3", "run.json", "3 (number)", "one JSON object");
}

TEST(ConfigTest, AHugeValueIsShortenedInTheError) {
  EXPECT_LT(problem_with("{\"steps\": \"" + std::string(100000, 'x') + "\"}").got.size(), 200u);
  EXPECT_EQ(problem_with("{\"" + std::string(5000, 'x') + "\": 1}").next_step, "");
}

TEST(ConfigTest, DeepNestingIsRefused) {
  const auto nested = [](size_t depth) {
    return "{\"steps\": " + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  expect_problem(nested(200000), "run.json, line 1", "", "at most 64 levels");
  expect_problem(nested(3), "run.json: steps", "[[[]]] (array)", "an integer from 1 to 1000");
}

TEST(ConfigTest, AnOverrideReplacesAValueOfTheFile) {
  ConfigDocument document = ConfigDocument::parse(R"({"steps": 5})", "run.json");
  const ConfigDocument before = document;
  document.set("steps=6");
  document.set("adam.learning_rate=0.5");
  document.set("name=a=b");
  document.set("position=absolute");
  document.set("sizes=[4, 5]");
  const RunConfig config = document.read<RunConfig>();
  EXPECT_EQ(config.steps, 6);
  EXPECT_EQ(config.adam.learning_rate, 0.5);
  EXPECT_EQ(config.name, "a=b");
  EXPECT_EQ(config.position, Position::absolute);
  EXPECT_EQ(config.sizes, (std::vector<int64_t>{4, 5}));
  EXPECT_EQ(before.read<RunConfig>().steps, 5);
}

TEST(ConfigTest, AnOverrideIsCheckedAsTheFileIs) {
  ConfigDocument document = ConfigDocument::parse("{}", "run.json");
  document.set("adam.learning_rat=1");
  const Problem problem = problem_of([&] { document.read<RunConfig>(); });
  EXPECT_EQ(problem.next_step, "did you mean \"learning_rate\"?");
  EXPECT_EQ(problem.where, "--set: adam.learning_rat");
}

TEST(ConfigTest, AnOverrideOfAnotherFormIsRefused) {
  ConfigDocument document = ConfigDocument::parse(R"({"steps": 5})", "run.json");
  for (const char* text : {"steps", "=3", "a..b=3", ".a=3", "a.=3", "steps.a=3", "", "adam={\"a\": 1, \"a\": 2}"}) {
    const Problem problem = problem_of([&] { document.set(text); });
    EXPECT_EQ(problem.where.find(text), 0u) << problem.where;
    EXPECT_NE(problem.expected, "") << text;
  }
  EXPECT_EQ(document.read<RunConfig>().steps, 5);
}

class ConfigFileTest : public testing::Test {
 protected:
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("physgen_config_test_" + std::to_string(::getpid()));

  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& text) const {
    std::ofstream(folder_ / "run.json", std::ios::binary) << text;
    return (folder_ / "run.json").string();
  }
};

TEST_F(ConfigFileTest, AFileIsLoaded) {
  EXPECT_EQ(ConfigDocument::load(file(R"({"steps": 5})")).read<RunConfig>().steps, 5);
}

TEST_F(ConfigFileTest, AFileThatIsNotThereIsNamed) {
  const std::string path = (folder_ / "none.json").string();
  const Problem problem = problem_of([&] { ConfigDocument::load(path); });
  EXPECT_EQ(problem.where, path);
  EXPECT_EQ(problem.got, "No such file or directory");
}

TEST_F(ConfigFileTest, AFolderIsNotAFile) {
  const Problem problem = problem_of([&] { ConfigDocument::load(folder_.string()); });
  EXPECT_EQ(problem.where, folder_.string());
  EXPECT_EQ(problem.got, "no regular file");
}

TEST_F(ConfigFileTest, AFileOfEndlessLengthIsRefused) {
  const Problem problem = problem_of([&] { ConfigDocument::load("/dev/zero"); });
  EXPECT_EQ(problem.where, "/dev/zero");
  EXPECT_EQ(problem.got, "no regular file");
}

TEST_F(ConfigFileTest, AFileThatIsTooLargeIsRefused) {
  const std::string path = file("{}");
  std::filesystem::resize_file(path, (16 << 20) + 1);
  EXPECT_EQ(problem_of([&] { ConfigDocument::load(path); }).expected, "at most 16777216");
}

}  // namespace
}  // namespace physgen
