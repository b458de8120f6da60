#include <gmock/gmock.h>

#include "physgen/core/config.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

enum class Shape { flat, round };

// In another order than the enum's own, with another text than its name.
constexpr auto choices_of(Shape) {
  return std::to_array<Choice<Shape>>({{Shape::round, "a ball"}, {Shape::flat, "flat"}});
}

struct Camera {
  std::string name = "front";
  int64_t size = 64;
};

template <class Field>
void describe(Camera& config, Field& field) {
  field("name", config.name);
  field("size", config.size, {.least = 1});
}

struct Fields {
  std::optional<double> minutes = {};
  std::optional<std::string> mode = {};
  std::optional<Camera> wrist = {};
  std::array<double, 3> crop = {0, 0, 1};
  std::pair<double, double> betas = {0.9, 0.95};
  std::vector<std::pair<int64_t, int64_t>> seeds = {};
  std::vector<Camera> cameras = {};
  std::vector<Shape> shapes = {};
};

template <class Field>
void describe(Fields& config, Field& field) {
  field("minutes", config.minutes, {.least = 0.5, .none = 0});
  field("mode", config.mode);
  field("wrist", config.wrist);
  field("crop", config.crop, {.least = 0, .most = 1});
  field("betas", config.betas, {.least = 0, .most = 1});
  field("seeds", config.seeds, {.least = 0});
  field("cameras", config.cameras);
  field("shapes", config.shapes);
}

Fields read(const std::string& text) { return ConfigDocument::parse(text, "run.json").read<Fields>(); }

void expect_problem(const std::string& text, const std::string& where, const std::string& expected) {
  const Problem problem = problem_of<ConfigError>([&] { read(text); });
  EXPECT_EQ(problem.where, "run.json: " + where) << text;
  EXPECT_EQ(problem.expected, expected) << text;
}

using Seeds = std::vector<std::pair<int64_t, int64_t>>;

TEST(ConfigFieldTest, AnOptionalIsItsValueOrNull) {
  Fields given{.minutes = 3, .mode = "lora", .wrist = Camera{}};
  given = ConfigDocument::parse(R"({"minutes": null, "mode": null, "wrist": null})", "run.json").read(given);
  EXPECT_FALSE(given.minutes || given.mode || given.wrist);
  given = read(R"({"minutes": 0.5, "mode": "full", "wrist": {"size": 8}})");
  EXPECT_EQ(given.minutes, 0.5);
  EXPECT_EQ(given.mode, "full");
  EXPECT_EQ(given.wrist->size, 8);
  EXPECT_EQ(given.wrist->name, "front");
}

TEST(ConfigFieldTest, WhatStoodForNoneIsStillRead) {
  Fields given{.minutes = 3, .mode = "lora"};
  given = ConfigDocument::parse(R"({"minutes": 0, "mode": ""})", "run.json").read(given);
  EXPECT_FALSE(given.minutes || given.mode);
  expect_problem(R"({"minutes": 0.1})", "minutes", "a number of at least 0.5");
  expect_problem(R"({"minutes": "0"})", "minutes", "a number of at least 0.5");
  expect_problem(R"({"mode": 0})", "mode", "a string or null");
}

TEST(ConfigFieldTest, AnArrayHasItsLength) {
  EXPECT_EQ(read(R"({"crop": [1, 0.5, 0]})").crop, (std::array<double, 3>{1, 0.5, 0}));
  expect_problem(R"({"crop": [1, 0]})", "crop", "a list of 3 numbers");
  expect_problem(R"({"crop": 1})", "crop", "a list of 3 numbers");
  expect_problem(R"({"crop": [0, 0, 2]})", "crop[2]", "a number from 0 to 1");
}

TEST(ConfigFieldTest, APairIsAListOfTwo) {
  EXPECT_EQ(read(R"({"betas": [0.5, 1]})").betas, std::pair(0.5, 1.0));
  expect_problem(R"({"betas": [1, 0, 1]})", "betas", "a list of 2 numbers");
  expect_problem(R"({"betas": [1, "0"]})", "betas[1]", "a number from 0 to 1");
}

TEST(ConfigFieldTest, PairsStandInAListOrOneAfterTheOther) {
  EXPECT_EQ(read(R"({"seeds": [[1, 2], [5, 9]]})").seeds, (Seeds{{1, 2}, {5, 9}}));
  EXPECT_EQ(read(R"({"seeds": [1, 2, 5, 9]})").seeds, (Seeds{{1, 2}, {5, 9}}));
  EXPECT_EQ(read(R"({"seeds": []})").seeds, Seeds{});
  expect_problem(R"({"seeds": [1, 2, 5]})", "seeds", "a list of pairs");
  expect_problem(R"({"seeds": [1, [2, 3]]})", "seeds[1]", "an integer of at least 0");
  expect_problem(R"({"seeds": [[1, 2], 3]})", "seeds[1]", "a list of 2 integers");
  expect_problem(R"({"seeds": [[1, -2]]})", "seeds[0][1]", "an integer of at least 0");
  expect_problem(R"({"seeds": 3})", "seeds", "a list of pairs");
}

TEST(ConfigFieldTest, AListOfStructsIsReadAsStrictly) {
  const Fields fields = read(R"({"cameras": [{"name": "wrist"}, {"size": 8}]})");
  ASSERT_EQ(fields.cameras.size(), 2u);
  EXPECT_EQ(fields.cameras[0].name, "wrist");
  EXPECT_EQ(fields.cameras[1].size, 8);
  expect_problem(R"({"cameras": [{}, {"nam": "x"}]})", "cameras[1].nam", "one of name, size");
  expect_problem(R"({"cameras": {}})", "cameras", "a list of objects");
}

TEST(ConfigFieldTest, AnEnumHasTheTextsOfItsTable) {
  EXPECT_EQ(read(R"({"shapes": ["flat", "a ball"]})").shapes, (std::vector<Shape>{Shape::flat, Shape::round}));
  expect_problem(R"({"shapes": ["flat", "round"]})", "shapes[1]", "one of a ball, flat");
  EXPECT_EQ(text_of(Shape::round), "a ball");
  EXPECT_EQ(value_of<Shape>("flat"), Shape::flat);
  EXPECT_EQ(value_of<Shape>("round"), std::nullopt);
}

TEST(ConfigFieldTest, EveryKindIsWrittenAsItIsRead) {
  const Fields written{.minutes = 2,
                       .wrist = Camera{.size = 3},
                       .betas = {0.25, 0.5},
                       .seeds = {{1, 2}, {3, 4}},
                       .cameras = {{.name = "a"}, {.name = "b"}},
                       .shapes = {Shape::round}};
  const std::string text = write_config(written);
  const Fields fields = read(text);
  EXPECT_EQ(write_config(fields), text);
  EXPECT_EQ(fields.minutes, written.minutes);
  EXPECT_EQ(fields.mode, std::nullopt);
  EXPECT_EQ(fields.wrist->size, 3);
  EXPECT_EQ(fields.betas, written.betas);
  EXPECT_EQ(fields.seeds, written.seeds);
  EXPECT_EQ(fields.cameras[1].name, "b");
  EXPECT_EQ(fields.shapes, written.shapes);
  EXPECT_EQ(write_config(Fields{}).substr(0, 38), "{\n  \"minutes\": null,\n  \"mode\": null,\n ");
}

struct Optimizer {
  double clip_norm = 1;
  double rate = 1;
};

template <class Field>
void describe(Optimizer& config, Field& field) {
  field("clip_norm", config.clip_norm);
  field.renamed("lr", "rate");
  field("rate", config.rate);
}

struct Training {
  Optimizer optimizer;
};

template <class Field>
void describe(Training& config, Field& field) {
  field.renamed("adam.rate", "optimizer.rate");
  field.renamed("max_norm", "optimizer.clip_norm");
  field("optimizer", config.optimizer);
}

TEST(ConfigFieldTest, ARenamedKeyIsReadAndSaysItsNewName) {
  const auto document = ConfigDocument::parse(R"({"max_norm": 2, "optimizer": {"lr": 3}})", "run.json");
  EXPECT_TRUE(document.notices().empty());
  EXPECT_EQ(document.read<Training>().optimizer.clip_norm, 2);
  EXPECT_EQ(document.read<Training>().optimizer.rate, 3);
  EXPECT_EQ(document.notices(),
            (std::vector<std::string>{"run.json: max_norm is read as optimizer.clip_norm, its new name: write that",
                                      "run.json: optimizer.lr is read as optimizer.rate, its new name: write that"}));
}

TEST(ConfigFieldTest, ARenamedKeyOfAnIncludedFileIsToldToo) {
  const TemporaryFolder folder;
  write_bytes(folder / "base.json", R"({"adam": {"rate": 2}})");
  write_bytes(folder / "run.json", R"({"include": "base.json", "max_norm": 3})");
  const auto document = ConfigDocument::compose(folder / "run.json");
  EXPECT_EQ(document.read<Training>().optimizer.rate, 2);
  EXPECT_EQ(document.read<Training>().optimizer.clip_norm, 3);
  ASSERT_EQ(document.notices().size(), 2u);
  EXPECT_THAT(document.notices()[0], testing::HasSubstr("base.json, line 1: adam.rate is read as optimizer.rate"));
}

TEST(ConfigFieldTest, AnOldAndANewNameTogetherAreRefused) {
  const Problem problem = problem_of<ConfigError>(
      [] { ConfigDocument::parse(R"({"adam": {"rate": 2}, "optimizer": {"rate": 3}})", "run.json").read<Training>(); });
  EXPECT_EQ(problem.where, "run.json: adam.rate");
  EXPECT_EQ(problem.next_step, "keep optimizer.rate");
}

TEST(ConfigFieldTest, ARenamedKeyOfAFileThatTheProgramWroteIsRead) {
  const TemporaryFolder folder;
  const auto loaded = [&](const std::string& text) {
    write_bytes(folder / "config.json", text);
    return ConfigDocument::load(folder / "config.json").read<Training>().optimizer;
  };
  EXPECT_EQ(loaded(R"({"max_norm": 2, "adam": {"rate": 3}})").clip_norm, 2);
  EXPECT_EQ(loaded(R"({"max_norm": 2, "adam": {"rate": 3}})").rate, 3);
  EXPECT_EQ(loaded(R"({"optimizer": {"lr": 4}})").rate, 4);
  EXPECT_EQ(loaded(R"({"adam": {"rate": 3}, "optimizer": {"rate": 5}})").rate, 5);
  EXPECT_EQ(loaded(R"({"optimizer": {"clip_norm": 6}})").clip_norm, 6);
  const Problem wrong = problem_of<ConfigError>([&] { loaded(R"({"max_norm": "2"})"); });
  EXPECT_EQ(wrong.where, (folder / "config.json").string() + ", line 1: optimizer.clip_norm");
  const Problem unknown = problem_of<ConfigError>([&] { loaded(R"({"adam": {"rate": 3, "rat": 1}})"); });
  EXPECT_EQ(unknown.where, (folder / "config.json").string() + ", line 1: adam");
}

TEST(ConfigFieldTest, ARenamedKeyThatHasNoPlaceIsRefused) {
  const TemporaryFolder folder;
  for (const char* text : {R"({"optimizer": 1, "max_norm": 2})", R"({"adam": 3, "optimizer": 1})"}) {
    write_bytes(folder / "config.json", text);
    const Problem problem =
        problem_of<ConfigError>([&] { ConfigDocument::load(folder / "config.json").read<Training>(); });
    EXPECT_EQ(problem.where, (folder / "config.json").string() + ", line 1: optimizer");
    EXPECT_EQ(problem.expected, "an object");
  }
}

}  // namespace
}  // namespace physgen
