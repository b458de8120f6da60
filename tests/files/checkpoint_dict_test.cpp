#include "files/checkpoint_dict.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "files/pickle_globals.h"
#include "files/torch_archive.h"
#include "physgen/core/error.h"
#include "support/mutated.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/tensor_entries.h"
#include "support/torch_archive_writer.h"

// The files of tests/golden/checkpoints are those of scripts/reference/make_checkpoints.py.

namespace physgen {
namespace {

using Items = std::vector<std::pair<std::string, std::string>>;

const std::filesystem::path kGolden = std::filesystem::path(PHYSGEN_SOURCE_DIR) / "tests/golden/checkpoints";
const std::string kNamespace = "cargparse\nNamespace\n)\x81";

std::string pickled(const Items& items) {
  std::string dict = "}";
  for (const auto& [key, value] : items) dict += physgen::pickled(key) + value + "s";
  return dict;
}

std::string numbered(const char* name, int number) { return std::string(name).append(std::to_string(number)); }

/// Of `count` tensors from w0 on, each of its first numbers of the one storage.
std::string pickled_state_dict(int count) {
  Items items;
  for (int i = 0; i < count; ++i) {
    const std::string size = physgen::pickled(std::vector<int64_t>{i + 1});
    const std::string stride = physgen::pickled(std::vector<int64_t>{1});
    items.emplace_back(numbered("w", i), physgen::pickled({.shape = size, .strides = stride}));
  }
  return pickled(items);
}

void expect_model(const TorchArchive& archive, const std::string& prefix, float factor) {
  ASSERT_EQ(archive.entries().size(), 2u);
  std::vector<float> weight = {0, 0.25, 0.5, 0.75, 1, 1.25}, bias = {-1, 0.5, 2};
  for (float& number : weight) number *= factor;
  for (float& number : bias) number *= factor;
  expect_entry(archive, prefix + "weight", DataType::f32, {3, 2}, bytes_of(weight));
  expect_entry(archive, prefix + "bias", DataType::f32, {3}, bytes_of(bias));
}

class CheckpointDict : public testing::Test {
 protected:
  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "a.pt";

  TorchArchive open(const std::string& value) const {
    write_bytes(path_, zip_of(parts_of(pickle_of(value))));
    return TorchArchive::open(path_);
  }

  /// How many tensors the chosen dict has, and the note.
  std::pair<size_t, std::string> chosen(const Items& items) const {
    const TorchArchive archive = open(pickled(items));
    return {archive.entries().size(), archive.note()};
  }

  Problem refusal_of(const std::string& value) const {
    const Problem problem = problem_of<FormatError>([&] { open(value); });
    EXPECT_EQ(problem.where, path_.string() + ": data.pkl");
    return problem;
  }

  void expect_refused(const std::string& value, const std::string& got) const {
    const Problem problem = refusal_of(value);
    EXPECT_NE(problem.got.find(got), std::string::npos) << problem.got << " for " << got;
  }
};

using Chosen = std::pair<size_t, std::string>;

TEST_F(CheckpointDict, ATrainersIsReadBesideItsOptimizerArgumentsAndRandomStates) {
  const TorchArchive archive = TorchArchive::open(kGolden / "trainer.pt");
  expect_model(archive, "", 1);
  EXPECT_EQ(archive.note(), "those of \"model\"; not taken: \"model_ema\" (an EMA copy)");
}

TEST_F(CheckpointDict, LightningsAndDeepSpeedsAreRead) {
  const TorchArchive lightning = TorchArchive::open(kGolden / "lightning.pt");
  expect_model(lightning, "model.", 1);
  EXPECT_EQ(lightning.note(), "those of \"state_dict\"");
  const TorchArchive deepspeed = TorchArchive::open(kGolden / "deepspeed.pt");
  EXPECT_EQ(deepspeed.note(), "those of \"module\"");
  EXPECT_EQ(deepspeed.entries().size(), 2u);
  expect_entry(deepspeed, "module.bias", DataType::f16, {3}, bytes_of<uint16_t>({0xbc00, 0x3800, 0x4000}));
}

TEST_F(CheckpointDict, AnEmaCopyIsTakenOnlyWhereItIsAlone) {
  const TorchArchive shadow = TorchArchive::open(kGolden / "shadow.pt");
  expect_model(shadow, "", 1);
  EXPECT_EQ(shadow.note(), "those of \"model_state_dict\"; not taken: \"ema.shadow\" (an EMA copy)");
  const TorchArchive average = TorchArchive::open(kGolden / "average.pt");
  ASSERT_EQ(average.entries().size(), 3u);
  expect_entry(average, "n_averaged", DataType::i64, {}, bytes_of<int64_t>({1}));
  expect_entry(average, "module.bias", DataType::f32, {3}, bytes_of<float>({-2, 1, 4}));
  EXPECT_EQ(average.note(), "those of \"ema\", an EMA copy: there are no others");
}

TEST_F(CheckpointDict, OfTwoModelsNeitherIsTaken) {
  const Problem problem = problem_of<FormatError>([&] { TorchArchive::open(kGolden / "gan.pt"); });
  EXPECT_EQ(problem.where, (kGolden / "gan.pt").string() + ": data.pkl");
  EXPECT_EQ(problem.got, "\"generator\" with 2 tensors, \"discriminator\" with 3 tensors");
  EXPECT_EQ(refusal_of(pickled({{"model", pickled_state_dict(1)}, {"state_dict", pickled_state_dict(2)}})).got,
            "\"model\" with 1 tensor, \"state_dict\" with 2 tensors");
  expect_refused(pickled({{"model", pickled({{"a", pickled_state_dict(1)}, {"b", pickled_state_dict(2)}})}}),
                 "\"model.a\" with 1 tensor, \"model.b\" with 2 tensors");
  Items many;
  for (int i = 0; i < 10; ++i) many.emplace_back(numbered("m", i), pickled_state_dict(i + 1));
  expect_refused(pickled(many), "\"m7\" with 8 tensors and 2 more");
  for (int i = 10; i < 65; ++i) many.emplace_back(numbered("m", i), pickled_state_dict(1));
  expect_refused(pickled(many), "more state dicts");
}

TEST_F(CheckpointDict, TheKeysDecide) {
  const std::string one = pickled_state_dict(1), two = pickled_state_dict(2);
  EXPECT_EQ(chosen({{"network", one}, {"epoch", "K\3"}}), Chosen(1, "those of \"network\""));
  EXPECT_EQ(chosen({{"teacher", two}, {"model", one}}), Chosen(1, "those of \"model\"; not taken: \"teacher\""));
  EXPECT_EQ(chosen({{"params_ema", two}, {"params", one}}),
            Chosen(1, "those of \"params\"; not taken: \"params_ema\" (an EMA copy)"));
  EXPECT_EQ(chosen({{"modelEMA", two}, {"net", one}}),
            Chosen(1, "those of \"net\"; not taken: \"modelEMA\" (an EMA copy)"));
  EXPECT_EQ(chosen({{"state", pickled({{"model", one}})}, {"rng_state", two}}), Chosen(1, "those of \"state.model\""));
  EXPECT_EQ(chosen({{"decay", "K\1"}, {"module", two}}),
            Chosen(2, "those of \"module\", an EMA copy: there are no others"));
  EXPECT_EQ(chosen({{"optimizer", two}, {"lr_scheduler", two}, {"callbacks", pickled({{"x", two}})}, {"m", one}}),
            Chosen(1, "those of \"m\""));
  EXPECT_EQ(chosen({{"model", one}, {"loss", physgen::pickled(PickledTensorParts())}}),
            Chosen(1, "those of \"model\""));
  EXPECT_EQ(chosen({{"w", physgen::pickled(PickledTensorParts())}}), Chosen(1, ""));
}

TEST_F(CheckpointDict, TheSameTensorsTwiceAreOneStateDict) {
  const std::string one = pickled_state_dict(1);
  EXPECT_EQ(chosen({{"a", one}, {"b", one}}), Chosen(1, "those of \"a\""));
  const std::string remembered = one + std::string("q\0", 2);
  EXPECT_EQ(chosen({{"a", remembered}, {"b", std::string("h\0", 2)}}), Chosen(1, "those of \"a\""));
}

TEST_F(CheckpointDict, ItIsLookedForThreeKeysBelowAndNoDeeper) {
  std::string inner = pickled_state_dict(2);
  for (const char* key : {"c", "b"}) inner = pickled({{key, inner}});
  EXPECT_EQ(chosen({{"a", inner}}), Chosen(2, "those of \"a.b.c\""));
  expect_refused(pickled({{"x", pickled({{"a", inner}})}}), "the value of \"x\" is a dict");
  const std::string in_itself = std::string("}q\0", 3) + physgen::pickled("a") + std::string("h\0", 2) + "s";
  expect_refused(in_itself, "the value of \"a\" is a dict");
}

TEST_F(CheckpointDict, ADictThatIsReferredToOftenIsLookedIntoOnce) {
  const auto wide = [](int count, const std::string& value) {
    const std::string item = pickled({{"k", value}}).substr(1);
    std::string dict = "}";
    for (int i = 0; i < count; ++i) dict += item;
    return dict;
  };
  const std::string inner = wide(1'000'000, "N") + std::string("q\0", 2), again("h\0", 2);
  expect_refused(pickled({{"a", inner}, {"b", wide(60'000, again)}}), "the value of \"a\" is a dict");
  expect_refused(pickled({{"a", inner}, {"b", wide(70'000, again)}}), "more dicts in dicts");
}

TEST_F(CheckpointDict, WithoutAStateDictWhatIsThereInsteadIsNamed) {
  expect_refused(pickled({{"epoch", "K\3"}}), "the value of \"epoch\" is an integer");
  const std::string state = "}K\1" + pickled_state_dict(2) + "s";
  expect_refused(pickled({{"optimizer", pickled({{"state", state}, {"param_groups", "]"}})}}),
                 "the value of \"optimizer\" is a dict");
  const std::string tensor = physgen::pickled(PickledTensorParts());
  expect_refused(pickled({{"model", pickled({{"w", tensor}, {"x", "K\1"}})}}),
                 "the value of \"x\" in \"model\" is an integer");
  expect_refused(pickled({{"model", pickled({{"w", tensor}, {"x", kNamespace}})}}),
                 "the value of \"x\" in \"model\" is an object");
  expect_refused(pickled({{"model", "}K\1" + tensor + "s" + physgen::pickled("w") + tensor + "s"}}),
                 "the key of a dict in \"model\" is an integer");
  EXPECT_EQ(refusal_of(pickled({{"epoch", "K\3"}})).next_step,
            "save the state dict alone: torch.save(model.state_dict(), path)");
}

TEST_F(CheckpointDict, WhatIsDroppedIsNeverCalled) {
  const std::string model = pickled_state_dict(1);
  const auto beside = [&](const std::string& value) { return pickled({{"x", value}, {"model", model}}); };
  for (const char* value : {"]", "](NNe", "]Na", "}(K\1NK\2Nu", "(NNt", "ctorch\nSize\n)\x85R", "ctorch\nfloat32\n"}) {
    EXPECT_EQ(open(beside(value)).note(), "those of \"model\"") << value;
  }
  EXPECT_EQ(open(beside(kNamespace + "}b(NNu(NNe")).note(), "those of \"model\"");
  expect_refused(beside(kNamespace + ")R"), "a call of an object with a tuple");
  expect_refused(beside("cargparse\nNamespace\n}R"), "a call of a name with a dict");
  expect_refused(beside("cargparse\nNamespace\nN\x81"), "a new object of a name with None");
  expect_refused(beside("ccollections\nOrderedDict\n)\x81"), "a new object of a global name");
  expect_refused(beside(")Na"), "a tuple");
  expect_refused(beside("](N" + physgen::pickled("a") + "u"), "a list");
  expect_refused(beside("]}b"), "attributes of a list");
  for (const char* name : {"argparse\nFileType", "__builtin__\ngetattr", "__builtin__\neval", "numpy\nload",
                           "numpy\nfloat32 float64", "numpy\n", "pathlib\nos", "argparse\nName", "trainer\nMode"}) {
    expect_refused(beside(std::string("c").append(name).append("\n")), "the pickle names ");
  }
}

TEST_F(CheckpointDict, NamesOfAveragesAreTold) {
  for (const char* name : {"ema", "model_ema", "ema_model", "modelEMA", "netEma", "ema-0.999", "shadow", "swa_model"}) {
    EXPECT_TRUE(is_average_name(name)) << name;
  }
  for (const char* name : {"", "model", "schema", "emanate", "cinema", "decay", "video_encoder"}) {
    EXPECT_FALSE(is_average_name(name)) << name;
  }
  EXPECT_TRUE(is_harmless_name("argparse", "Namespace"));
  EXPECT_FALSE(is_harmless_name("argparse", ""));
}

TEST_F(CheckpointDict, AMutatedOneIsRefusedOrHoldsTheSameTensors) {
  std::mt19937 random(2);
  const std::string whole = read_bytes(kGolden / "trainer.pt");
  int refused = 0;
  for (int i = 0; i < 500; ++i) {
    write_bytes(path_, mutated(whole, random));
    try {
      expect_model(TorchArchive::open(path_), "", 1);
    } catch (const FormatError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 300);
  EXPECT_LT(refused, 500) << "padding may be changed";
}

}  // namespace
}  // namespace physgen
