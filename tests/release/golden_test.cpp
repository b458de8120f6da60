
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>
#include <vector>

#include "release/golden.h"
#include "release/nova_release.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/test_device.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

fs::path release(const std::string& name) { return fs::path(PHYSGEN_SOURCE_DIR "/tests/golden") / name; }

std::map<std::string, GoldenComparison> compare(const std::string& checkpoint, const fs::path& golden) {
  std::map<std::string, GoldenComparison> results;
  verify_golden(checkpoint, golden, test_device_name(), false,
                [&](const GoldenComparison& result) { results[result.name] = result; });
  return results;
}

class Reference : public testing::TestWithParam<std::string> {};

// Weights, text and noise in; every module, the losses, all gradients, the schedules, the VAE and whole generations.
TEST_P(Reference, ComputesTheSame) {
  const fs::path folder = release(GetParam());
  const auto results = compare("nova:" + folder.string(), folder / "golden.safetensors");
  for (const auto& [name, result] : results) {
    EXPECT_TRUE(result.agrees) << name << ": " << result.absolute << " beyond " << result.tolerance;
  }
  for (const char* name : {"tokenizer.ids.0", "text_encoder.out.0", "transformer.prefix.out",
                           "transformer.video_encoder.out", "transformer.image_encoder.out",
                           "transformer.image_decoder.out", "scheduler.sampled", "vae.decode_image.out"}) {
    EXPECT_TRUE(results.contains(name)) << name;
  }
  const auto gradients = std::count_if(results.begin(), results.end(),
                                       [](auto& item) { return item.first.starts_with("transformer.gradient."); });
  EXPECT_GT(gradients, 90);
}

INSTANTIATE_TEST_SUITE_P(Releases, Reference, testing::Values("nova_absolute_ddpm", "nova_rotary_flow", "nova_plain"));

TEST(Golden, TellsWhichOutputsAChangedWeightReaches) {
  const TemporaryFolder folder;
  const fs::path original = release("nova_rotary_flow");
  PretrainedFiles files = with_dtype(open_nova_release(original), at::kFloat);
  for (auto& [name, tensor] : files.backbone) {
    if (name == "image_encoder.blocks.0.mlp.fc1.weight") tensor = tensor + 0.05;
  }
  save_pretrained(folder.path() / "changed", files);
  const auto results = compare((folder.path() / "changed").string(), original / "golden.safetensors");
  EXPECT_TRUE(results.at("transformer.video_encoder.out").agrees);
  EXPECT_FALSE(results.at("transformer.image_encoder.out").agrees);
  EXPECT_FALSE(results.at("generate.clip.latents").agrees);
  EXPECT_TRUE(results.at("vae.decode_image.out").agrees);
}

TEST(Golden, AnotherModelsFileIsRefused) {
  const std::string checkpoint = "nova:" + release("nova_plain").string();
  const fs::path other = release("nova_absolute_ddpm") / "golden.safetensors";
  EXPECT_FALSE(problem_of<FormatError>([&] { compare(checkpoint, other); }).what.empty());
  const fs::path none = release("nova_plain") / "vae" / "diffusion_pytorch_model.safetensors";
  EXPECT_EQ(problem_of<FormatError>([&] { compare(checkpoint, none); }).expected, "physgen-golden-1");
}

TEST(Golden, ADuplicateKeyInItsMetadataIsRefused) {
  const TemporaryFolder folder;
  const std::string file = folder / "golden.safetensors";
  save_tensors(file, {{"input.none", at::zeros({1})}},
               {{"format", "physgen-golden-1"}, {"prompts", R"([{"a": 1, "a": 2}])"}});
  const std::string checkpoint = "nova:" + release("nova_plain").string();
  EXPECT_EQ(problem_of<FormatError>([&] { compare(checkpoint, file); }).where,
            file + ", metadata prompts, line 1: [0].a");
}

}  // namespace
}  // namespace physgen
