#include "vae/vae_checkpoint.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "physgen/files/manifest.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

const VaeConfig kSmall{.widths = {4, 8}, .layers_per_block = 1, .decoder_layers_per_block = 1, .norm_groups = 2};

TEST(VaeCheckpointTest, WhatIsSavedIsLoadedEqual) {
  const TemporaryFolder folder;
  CausalVae vae(kSmall);
  vae->config.latent_mean = {1, 2, 3, 4};
  vae->config.latent_deviation = {1, 1, 1, 0.1};
  save_vae(folder / "vae", vae);
  const CausalVae loaded = load_vae(folder / "vae");
  EXPECT_EQ(loaded->config.latent_deviation, vae->config.latent_deviation);
  const at::Tensor frames = at::rand({1, 3, 8, 8});
  EXPECT_TRUE(at::equal(loaded->encode(frames).mean, vae->encode(frames).mean));
}

TEST(VaeCheckpointTest, ADirectoryThatDoesNotExistIsTheUsersMistake) {
  const TemporaryFolder folder;
  EXPECT_NE(problem_of<ConfigError>([&] { load_vae(folder / "nothing"); }).where.find("nothing"), std::string::npos);
}

TEST(VaeCheckpointTest, AFlippedByteOfTheTensorsIsFound) {
  const TemporaryFolder folder;
  save_vae(folder / "vae", CausalVae(kSmall));
  std::string bytes = read_bytes(folder / "vae/model.safetensors");
  bytes.back() ^= 1;
  write_bytes(folder / "vae/model.safetensors", bytes);
  problem_of<FormatError>([&] { load_vae(folder / "vae"); });
}

TEST(VaeCheckpointTest, ADirectoryOfAnotherKindIsNamed) {
  const TemporaryFolder folder;
  save_vae(folder / "vae", CausalVae(kSmall));
  std::filesystem::remove(folder / "vae/MANIFEST.json");
  write_manifest(folder / "vae", "policy");
  EXPECT_EQ(problem_of<FormatError>([&] { load_vae(folder / "vae"); }).got, "a directory of kind \"policy\"");
}

TEST(VaeCheckpointTest, AConfigThatDoesNotFitTheTensorsIsAFormatError) {
  const TemporaryFolder folder;
  save_vae(folder / "vae", CausalVae(kSmall));
  write_bytes(folder / "vae/config.json", R"({"widths": [3, 8], "norm_groups": 2})");
  std::filesystem::remove(folder / "vae/MANIFEST.json");
  write_manifest(folder / "vae", "vae");
  EXPECT_EQ(problem_of<FormatError>([&] { load_vae(folder / "vae"); }).where, "widths[0]");
}

}  // namespace
}  // namespace physgen
