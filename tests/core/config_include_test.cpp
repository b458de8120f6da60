#include <gtest/gtest.h>

#include "physgen/core/config.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

struct Backbone {
  int64_t width = 1;
  int64_t depth = 1;
  std::vector<int64_t> taps = {};
};

template <class Field>
void describe(Backbone& config, Field& field) {
  field("width", config.width);
  field("depth", config.depth);
  field("taps", config.taps);
}

struct Model {
  Backbone backbone = {};
  int64_t packs = 5;
  std::string name = "model";
};

template <class Field>
void describe(Model& config, Field& field) {
  field("backbone", config.backbone);
  field("packs", config.packs);
  field("name", config.name);
}

struct RunConfig {
  Model model{.packs = 7};
  int64_t steps = 10;
};

template <class Field>
void describe(RunConfig& config, Field& field) {
  field("model", config.model);
  field("steps", config.steps);
}

/// Config files in a folder: model/small.json, which names model/backbone.json, and a run.json of each test's own.
class ConfigIncludeTest : public testing::Test {
 protected:
  ConfigIncludeTest() {
    fs::create_directories(folder_ / "model");
    write("model/backbone.json", R"({"width": 64, "depth": 2, "taps": [1, 2, 3]})");
    write("model/small.json", R"({"backbone": "backbone.json", "name": "small"})");
  }

  void write(const std::string& name, const std::string& text) const { write_bytes(folder_ / name, text); }
  std::string path(const std::string& name) const { return folder_ / name; }

  ConfigDocument composed(const std::string& run) const {
    write("run.json", run);
    return ConfigDocument::compose(path("run.json"));
  }
  RunConfig read(const std::string& run) const { return composed(run).read<RunConfig>(); }
  Problem problem_with(const std::string& run) const {
    return problem_of<ConfigError>([&] { read(run); });
  }

  // "model.packs < run.json, line 2: model.packs", for each setting that was read.
  static std::vector<std::string> origins_of(const ConfigDocument& document) {
    std::vector<std::string> texts;
    for (const auto& [setting, from] : document.origins()) {
      const std::string file = fs::path(from).lexically_relative(fs::path(from).parent_path());
      texts.push_back(setting + " < " + file);
    }
    return texts;
  }

  TemporaryFolder folder_;
};

TEST_F(ConfigIncludeTest, TellsWhereEachSettingCameFrom) {
  ConfigDocument document = composed("{\n  \"model\": {\"include\": \"model/small.json\",\n    \"packs\": 3}}");
  document.set("model.backbone.depth=4");
  document.read<RunConfig>();
  EXPECT_EQ(origins_of(document), (std::vector<std::string>{"model.backbone.depth < --set: model.backbone.depth",
                                                            "model.backbone.taps < backbone.json, line 1: taps",
                                                            "model.backbone.width < backbone.json, line 1: width",
                                                            "model.name < small.json, line 1: name",
                                                            "model.packs < run.json, line 3: model.packs"}));
}

TEST_F(ConfigIncludeTest, WhatAProgramWroteHasNoOrigins) {
  write("stored.json", R"({"steps": 3})");
  const ConfigDocument document = ConfigDocument::load(path("stored.json"));
  EXPECT_EQ(document.read<RunConfig>().steps, 3);
  EXPECT_TRUE(document.origins().empty());
}

TEST_F(ConfigIncludeTest, APathInPlaceOfAnObjectIsTheFileOfThatPath) {
  const RunConfig run = read(R"({"model": "model/small.json", "steps": 3})");
  EXPECT_EQ(run.model.name, "small");
  EXPECT_EQ(run.model.backbone.width, 64);
  EXPECT_EQ(run.model.packs, 7);  // no file says otherwise
  EXPECT_EQ(run.steps, 3);
}

TEST_F(ConfigIncludeTest, FurtherKeysAreLaidOverTheFile) {
  const RunConfig run =
      read(R"({"model": {"packs": 2, "include": "model/small.json", "backbone": {"width": 32, "taps": [9]}}})");
  EXPECT_EQ(run.model.packs, 2);
  EXPECT_EQ(run.model.name, "small");
  EXPECT_EQ(run.model.backbone.width, 32);
  EXPECT_EQ(run.model.backbone.depth, 2);
  EXPECT_EQ(run.model.backbone.taps, std::vector<int64_t>{9});
}

TEST_F(ConfigIncludeTest, AWholeConfigMayBeginFromAnother) {
  write("base.json", R"({"model": "model/small.json", "steps": 3})");
  const RunConfig run = read(R"({"include": "base.json", "model": {"packs": 1}})");
  EXPECT_EQ(run.steps, 3);
  EXPECT_EQ(run.model.packs, 1);
  EXPECT_EQ(run.model.backbone.width, 64);
}

TEST_F(ConfigIncludeTest, WhatIsReadIsWrittenWhole) {
  const std::string text = write_config(read(R"({"model": "model/small.json"})"));
  EXPECT_EQ(text.find("include"), text.npos);
  EXPECT_EQ(write_config(read(text)), text);
}

TEST_F(ConfigIncludeTest, AnOverrideGoesOverTheFile) {
  ConfigDocument document = composed(R"({"model": "model/small.json"})");
  document.set("model.packs=3");
  document.set("model.backbone.depth=4");
  const RunConfig run = document.read<RunConfig>();
  EXPECT_EQ(run.model.packs, 3);
  EXPECT_EQ(run.model.backbone.width, 64);
  EXPECT_EQ(run.model.backbone.depth, 4);
}

TEST_F(ConfigIncludeTest, AnOverrideNamesAFileFromTheWorkingDirectory) {
  ConfigDocument document = composed(R"({"model": {"include": "model/none.json", "packs": 2}})");
  document.set("model=" + fs::relative(path("model/small.json")).string());
  EXPECT_EQ(document.read<RunConfig>().model.name, "small");
  EXPECT_EQ(document.read<RunConfig>().model.packs, 7);  // nothing is left of what stood there
  document.set("model.packs=3");
  EXPECT_EQ(document.read<RunConfig>().model.name, "small");
  EXPECT_EQ(document.read<RunConfig>().model.packs, 3);
  document.set("model=none.json");
  const Problem problem = problem_of<ConfigError>([&] { document.read<RunConfig>(); });
  EXPECT_EQ(problem.where, "none.json");
  EXPECT_NE(problem.next_step.find("--set: model"), std::string::npos) << problem.next_step;
}

TEST_F(ConfigIncludeTest, AnErrorNamesTheFileInWhichItStands) {
  write("model/small.json", R"({"packz": 1})");
  EXPECT_EQ(problem_with(R"({"model": "model/small.json"})").where, path("model/small.json") + ", line 1: packz");
  EXPECT_EQ(problem_with(R"({"model": {"backbone": {"widht": 1}}})").where,
            path("run.json") + ", line 1: model.backbone.widht");
  write("model/small.json", R"({"backbone": {"width": 1.5}})");
  EXPECT_EQ(problem_with(R"({"model": "model/small.json"})").where,
            path("model/small.json") + ", line 1: backbone.width");
}

TEST_F(ConfigIncludeTest, AnErrorNamesTheLineInWhichItStands) {
  write("model/small.json", "{\n  \"backbone\": {\n    \"depth\": 2,\n    \"width\": 1.5\n  }\n}\n");
  EXPECT_EQ(problem_with(R"({"model": "model/small.json"})").where,
            path("model/small.json") + ", line 4: backbone.width");
}

TEST_F(ConfigIncludeTest, AFileThatCannotBeReadIsNamedWithTheChainToIt) {
  const Problem missing = problem_with(R"({"model": "model/smal.json"})");
  EXPECT_EQ(missing.where, path("model/smal.json"));
  EXPECT_EQ(missing.got, "No such file or directory");
  EXPECT_NE(missing.next_step.find(path("run.json") + ", line 1: model;"), std::string::npos) << missing.next_step;
  write("model/small.json", R"({"backbone": "none.json"})");
  const std::string chain =
      path("run.json") + ", line 1: model.include -> " + path("model/small.json") + ", line 1: backbone";
  EXPECT_NE(problem_with(R"({"model": {"include": "model/small.json"}})").next_step.find(chain), std::string::npos);
  write("model/small.json", "{");
  EXPECT_EQ(problem_with(R"({"model": "model/small.json"})").where.find(path("model/small.json") + ", line 1"), 0u);
}

TEST_F(ConfigIncludeTest, AFileThatIncludesItselfIsRefusedWithTheChain) {
  EXPECT_EQ(problem_with(R"({"model": "run.json"})").got, path("run.json") + " -> " + path("run.json"));
  write("a.json", R"({"include": "b.json"})");
  write("b.json", R"({"include": "model/../a.json"})");
  const Problem problem = problem_with(R"({"include": "a.json"})");
  EXPECT_EQ(problem.what, "a config file includes itself");
  EXPECT_EQ(problem.where, path("b.json") + ", line 1: include");
  EXPECT_EQ(problem.got,
            path("run.json") + " -> " + path("a.json") + " -> " + path("b.json") + " -> " + path("a.json"));
}

TEST_F(ConfigIncludeTest, ALongChainIsRefused) {
  for (int i = 0; i < 9; ++i)
    write(std::to_string(i) + ".json", "{\"include\": \"" + std::to_string(i + 1) + ".json\"}");
  write("9.json", "{}");
  EXPECT_NO_THROW(read(R"({"include": "3.json"})"));
  EXPECT_EQ(problem_with(R"({"include": "2.json"})").expected, "8 files at most");
}

TEST_F(ConfigIncludeTest, WhatIsNoPathIsRefused) {
  EXPECT_EQ(problem_with(R"({"model": {"include": 3}})").expected, "the path of a config file");
  EXPECT_EQ(problem_with(R"({"model": 3})").expected, "an object, or the path of a file that holds one");
  EXPECT_EQ(problem_with(R"({"model": ""})").got, "no regular file");
  EXPECT_EQ(problem_with("{\"model\": \"" + std::string(5000, 'x') + "\"}").got, "File name too long");
  write("model/small.json", "[]");
  EXPECT_EQ(problem_with(R"({"model": "model/small.json"})").where, path("model/small.json") + ", line 1");
}

TEST_F(ConfigIncludeTest, AFileThatAProgramWroteIncludesNone) {
  const auto problem = [&](const std::string& text) {
    write("config.json", text);
    return problem_of<ConfigError>([&] { ConfigDocument::load(path("config.json")).read<RunConfig>(); });
  };
  EXPECT_EQ(problem(R"({"model": "model/small.json"})").expected, "an object");
  EXPECT_EQ(problem(R"({"model": {"include": "model/small.json"}})").where,
            path("config.json") + ", line 1: model.include");
  EXPECT_EQ(problem(R"({"include": "model/small.json"})").where, path("config.json") + ", line 1: include");
}

}  // namespace
}  // namespace physgen
