
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include <physgen/release/convert.h>

#include "release/nova_release.h"
#include "support/duplicate_key.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) { return fs::path(PHYSGEN_SOURCE_DIR "/tests/golden") / name; }

void replace_in(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = read_bytes(path);
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << " is not in " << path;
  write_bytes(path, text.replace(at, from.size(), to));
}

void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  EXPECT_EQ(tensor_differences(a, b).count(), 0u);
  const std::map<std::string, at::Tensor> others(b.begin(), b.end());
  for (const auto& [name, tensor] : a) {
    ASSERT_TRUE(others.contains(name)) << name;
    EXPECT_EQ(tensor.scalar_type(), others.at(name).scalar_type()) << name;
    EXPECT_TRUE(at::equal(tensor, others.at(name))) << name;
  }
}

// A copy of a release that a test may damage.
class NovaRelease : public testing::Test {
 protected:
  explicit NovaRelease(const std::string& name = "nova_absolute_ddpm") {
    fs::copy(golden(name), path_, fs::copy_options::recursive);
  }

  Problem refusal() {
    return problem_of<FormatError>([&] { describe_pretrained("nova:" + path_.string()); });
  }

  TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "release";
};

TEST_F(NovaRelease, IsReadWithTheSizesOfItsConfigs) {
  const PretrainedFiles files = open_nova_release(path_);
  EXPECT_EQ(files.config.backbone.mixer_rank, 4);
  EXPECT_EQ(files.config.backbone.position, Position::absolute);
  EXPECT_TRUE(files.config.backbone.motion_tokens);
  EXPECT_EQ(files.config.backbone.objective, Objective::epsilon);
  EXPECT_EQ(files.config.vae.tile_latents, 5);
  EXPECT_TRUE(files.notes.empty());
}

TEST_F(NovaRelease, SharesTheFilesPages) {
  const PretrainedFiles files = open_nova_release(path_);
  Pretrained model = load_pretrained(files, at::kHalf);
  const at::Tensor weight = model.nova->video_encoder->blocks[0]->as<TransformerBlock>()->attn->qkv->weight;
  const auto mapped = std::find_if(files.backbone.begin(), files.backbone.end(),
                                   [](auto& item) { return item.first == "video_encoder.blocks.0.attn.qkv.weight"; });
  EXPECT_EQ(weight.const_data_ptr(), mapped->second.const_data_ptr());
}

TEST_F(NovaRelease, TheTensorsDecideAndTheConfigIsContradictedAloud) {
  replace_in(path_ / "transformer" / "config.json", "\"video_mixer_rank\": 4", "\"video_mixer_rank\": null");
  const PretrainedFiles files = open_nova_release(path_);
  EXPECT_EQ(files.config.backbone.mixer_rank, 4);
  ASSERT_EQ(files.notes.size(), 1u);
  EXPECT_EQ(files.notes[0], "rank of the mixer: 4 in the tensors, 0 in config.json");
}

TEST_F(NovaRelease, ComesBackFromOurFormatAsItWas) {
  const fs::path own = folder_.path() / "own", back = folder_.path() / "back";
  convert_pretrained("nova:" + path_.string(), own.string(), "", "");
  convert_pretrained(own.string(), "nova:" + back.string(), "", "");
  const PretrainedFiles before = open_nova_release(path_), after = open_nova_release(back);
  EXPECT_EQ(write_config(before.config), write_config(after.config));
  expect_equal(before.backbone, after.backbone);
  expect_equal(before.vae, after.vae);
  expect_equal(before.text_encoder, after.text_encoder);
  EXPECT_EQ(read_bytes(path_ / "tokenizer" / "tokenizer.json"), read_bytes(back / "tokenizer" / "tokenizer.json"));
}

TEST_F(NovaRelease, IsConvertedToAnotherDtype) {
  const fs::path own = folder_.path() / "own";
  const PretrainedSummary summary = convert_pretrained("nova:" + path_.string(), own.string(), "bfloat16", "");
  ASSERT_EQ(summary.parts.size(), 3u);
  for (const PretrainedPart& part : summary.parts) EXPECT_EQ(part.dtype, "bfloat16") << part.name;
  EXPECT_EQ(open_pretrained(own.string()).vae.front().second.scalar_type(), at::kBFloat16);
}

TEST_F(NovaRelease, AFolderOfTheTrainerTakesItsOtherPartsFromARelease) {
  const fs::path trainer = folder_.path() / "trainer", own = folder_.path() / "own";
  fs::create_directories(trainer);
  fs::copy(path_ / "transformer", trainer / "transformer");
  EXPECT_FALSE(open_nova_release(trainer).config.has_vae);
  convert_pretrained("nova:" + trainer.string(), own.string(), "", "nova:" + path_.string());
  const PretrainedFiles files = open_pretrained(own.string());
  EXPECT_TRUE(files.config.has_vae && files.config.has_text_encoder);
}

TEST_F(NovaRelease, ALostIndexIsNotTakenForTheTrainersFolder) {
  fs::remove(path_ / "model_index.json");
  EXPECT_EQ(refusal().where, (path_ / "model_index.json").string());
}

TEST_F(NovaRelease, NumbersThatAreNotFiniteAreNotConverted) {
  PretrainedFiles files = open_nova_release(path_);
  auto& [name, tensor] = files.backbone.back();
  tensor = tensor.clone();
  tensor.view(-1)[0] = NAN;
  save_nova_release(folder_.path() / "ill", files);
  const std::string from = "nova:" + (folder_.path() / "ill").string();
  const fs::path own = folder_.path() / "own";
  const Problem problem = problem_of<FormatError>([&] { convert_pretrained(from, own.string(), "", ""); });
  EXPECT_NE(problem.where.find(name), std::string::npos) << problem.where;
  EXPECT_FALSE(fs::exists(own));
}

TEST_F(NovaRelease, AnArchiveOfPyTorchServesForSafetensors) {
  const PretrainedFiles files = open_nova_release(golden("nova_plain"));
  EXPECT_TRUE(fs::exists(golden("nova_plain") / "transformer" / "diffusion_pytorch_model.bin"));
  EXPECT_GT(files.backbone.size(), 90u);
  EXPECT_FALSE(files.config.backbone.motion_embed);
}

TEST_F(NovaRelease, WhatATrainersWrappersAddToTheNamesIsLeftOut) {
  const fs::path file = path_ / "transformer/diffusion_pytorch_model.safetensors";
  const NamedTensors plain = open_nova_release(path_).backbone;
  for (const std::string& wrapper : {std::string("module."), std::string("_orig_mod.module."), std::string("model.")}) {
    NamedTensors wrapped;
    for (const auto& [name, tensor] : plain) wrapped.emplace_back(wrapper + name, tensor.clone());
    fs::remove(file);
    save_tensors(file.string(), wrapped);
    const PretrainedFiles files = open_nova_release(path_);
    expect_equal(files.backbone, plain);
    EXPECT_EQ(static_cast<std::ptrdiff_t>(files.notes.size()), std::ranges::count(wrapper, '.')) << wrapper;
  }
}

TEST_F(NovaRelease, AMissingShardIsNamed) {
  ASSERT_TRUE(fs::exists(path_ / "text_encoder" / "model.safetensors.index.json"));
  fs::remove(path_ / "text_encoder" / "model-00002-of-00002.safetensors");
  EXPECT_EQ(refusal().where, (path_ / "text_encoder" / "model-00002-of-00002.safetensors").string());
}

TEST_F(NovaRelease, AShardOutsideTheFolderIsRefused) {
  replace_in(path_ / "text_encoder" / "model.safetensors.index.json", "\"model-00001-of-00002.safetensors\"",
             "\"../../etc/passwd\"");
  EXPECT_EQ(refusal().got, "\"../../etc/passwd\"");
}

TEST_F(NovaRelease, ATensorOfAnotherShapeIsNamed) {
  replace_in(path_ / "transformer" / "config.json", "vit_d2w32h2", "vit_d3w32h2");
  const Problem problem = refusal();
  EXPECT_NE(problem.got.find("missing video_encoder.blocks.2.norm1.weight"), std::string::npos) << problem.got;
}

TEST_F(NovaRelease, AnUnknownClassIsNamed) {
  replace_in(path_ / "vae" / "config.json", "AutoencoderKLOpenSora", "AutoencoderKLCogVideoX");
  EXPECT_EQ(refusal().got, "\"AutoencoderKLCogVideoX\"");
  replace_in(path_ / "model_index.json", "NOVAPipeline", "StableDiffusionPipeline");
  EXPECT_EQ(refusal().got, "\"StableDiffusionPipeline\"");
}

TEST_F(NovaRelease, ADuplicateKeyInAnyOfItsFilesIsRefused) {
  for (const char* file :
       {"model_index.json", "transformer/config.json", "scheduler/scheduler_config.json", "vae/config.json",
        "text_encoder/config.json", "text_encoder/model.safetensors.index.json"}) {
    expect_duplicate_key_refused<FormatError>(path_ / file, [&] { describe_pretrained("nova:" + path_.string()); });
  }
}

TEST_F(NovaRelease, ATokenizerOfAnotherModelIsRefused) {
  replace_in(path_ / "tokenizer" / "tokenizer.json", "\"BPE\"", "\"Unigram\"");
  const Problem problem = refusal();
  EXPECT_NE(problem.where.find("tokenizer.json"), std::string::npos) << problem.where;
}

TEST_F(NovaRelease, AnUnknownScheduleIsRefused) {
  replace_in(path_ / "scheduler" / "scheduler_config.json", "squaredcos_cap_v2", "linear");
  EXPECT_EQ(refusal().got, "\"linear\"");
}

TEST_F(NovaRelease, AFolderWithoutOneIsTheUsersMistake) {
  const Problem problem = problem_of<ConfigError>([&] { open_pretrained("nova:" + folder_.path().string()); });
  EXPECT_EQ(problem.got, "a path without model_index.json");
  EXPECT_EQ(problem_of<ConfigError>([&] { open_pretrained(path_.string()); }).next_step, "use nova:" + path_.string());
  const std::string self = "nova:" + path_.string();
  const Problem problem2 = problem_of<ConfigError>([&] { convert_pretrained(self, path_.string(), "", ""); });
  EXPECT_EQ(problem2.what, "the output is there already");
  EXPECT_EQ(problem_of<ConfigError>([&] { convert_pretrained(self, "nova:", "", ""); }).where, "to");
  EXPECT_EQ(problem_of<ConfigError>([&] { open_pretrained("nova:"); }).got, "no name behind nova:");
}

}  // namespace
}  // namespace physgen
