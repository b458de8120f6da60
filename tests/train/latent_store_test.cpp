
#include <gtest/gtest.h>

#include <fstream>

#include <physgen/vae/frame_encoder.h>

#include "support/problem_of.h"
#include "train/latent_store.h"
#include "train/tiny_run.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

class LatentStoreTest : public testing::Test {
 protected:
  LatentStoreTest() : sets_(read_demonstrations({tiny_.data()}, "", 0.25, 1)), vae_(TinyRun::make_vae()) {
    recipe_.canvas = {.cameras = {"render_camera"}, .height = 16, .width = 16};
    recipe_.augmentation.change.shift = 2;
  }

  // Opens the store and counts the frames that had to be encoded.
  LatentStore open() {
    encoded_ = 0;
    return open_latent_store(cache(), sets_[0], vae_, recipe_, [this](int64_t frames, int64_t) { encoded_ = frames; });
  }

  fs::path cache() const { return tiny_.path("cache"); }

  TinyRun tiny_;
  std::vector<DemonstrationSet> sets_;
  CausalVae vae_;
  LatentRecipe recipe_;
  int64_t encoded_ = 0;
};

at::Tensor frame_of(const DemonstrationSet& set, int64_t episode, int64_t index) {
  const Image image = set.dataset.read_frame(episode, "render_camera", index);
  return at::tensor(at::ArrayRef<uint8_t>(image.pixels), at::kByte).view({1, image.height, image.width, 3});
}

TEST_F(LatentStoreTest, EveryFrameOfEveryEpisodeIsItsLatent) {
  const LatentStore store = open();
  EXPECT_EQ(encoded_, 12 + 9 + 7 + 10 + 4);
  const FrameEncoder encoder(vae_, at::kCPU, at::kFloat);
  for (const auto& [episode, frame] : std::vector<std::pair<int64_t, int64_t>>{{0, 0}, {0, 12}, {2, 3}, {3, 10}}) {
    const at::Tensor expected = encoder.encode(frame_of(sets_[0], episode, frame))[0];
    EXPECT_TRUE(at::allclose(store.episode(0, episode)[frame], expected, 1e-4, 1e-5)) << episode << " " << frame;
  }
  EXPECT_EQ(store.episode(0, 2).sizes(), at::IntArrayRef({8, 2, 8, 8}));
}

TEST_F(LatentStoreTest, TheSecondTimeTheyAreFoundAgain) {
  const LatentStore first = open();
  const LatentStore second = open();
  EXPECT_EQ(encoded_, 0);
  EXPECT_TRUE(at::equal(first.episode(0, 1), second.episode(0, 1)));
}

TEST_F(LatentStoreTest, WhatDecidesTheLatentsDecidesTheirCache) {
  open();
  recipe_.dtype = at::kBFloat16;
  open();
  EXPECT_GT(encoded_, 0);
  recipe_.dtype = at::kFloat;
  {
    const at::NoGradGuard no_gradient;
    vae_->parameters()[0].add_(1e-3);
  }
  open();
  EXPECT_GT(encoded_, 0);
}

TEST_F(LatentStoreTest, TheyAreFoundByWhatTheFilesHold) {
  open();
  const fs::path moved = tiny_.path("elsewhere");
  fs::create_directory(moved);
  const fs::path file = moved / fs::path(tiny_.data()).filename();
  fs::copy_file(tiny_.data(), file);
  fs::path json = fs::path(tiny_.data()).replace_extension(".json");
  fs::copy_file(json, moved / json.filename());
  sets_ = read_demonstrations({file.string()}, "", 0.25, 1);
  open();
  EXPECT_EQ(encoded_, 0);
  std::ofstream(moved / json.filename(), std::ios::app) << "\n";
  sets_ = read_demonstrations({file.string()}, "", 0.25, 1);
  open();
  EXPECT_EQ(encoded_, 12 + 9 + 7 + 10 + 4);
}

TEST_F(LatentStoreTest, ADamagedCacheIsEncodedAnew) {
  const at::Tensor before = open().episode(0, 0).clone();
  const fs::path file = fs::directory_iterator(cache())->path() / "latents.safetensors";
  std::string bytes = read_bytes(file);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_bytes(file, bytes);
  const LatentStore again = open();
  EXPECT_GT(encoded_, 0);
  EXPECT_TRUE(at::equal(again.episode(0, 0), before));
}

TEST_F(LatentStoreTest, VariantsAreChangedAlikeOverAnEpisodeAndTheFirstIsAsRecorded) {
  const at::Tensor recorded = open().episode(0, 0).clone();
  recipe_.augmentation.variants = 3;
  const LatentStore store = open();
  EXPECT_EQ(store.variants(), 3);
  EXPECT_TRUE(at::equal(store.episode(0, 0), recorded));
  EXPECT_FALSE(at::allclose(store.episode(1, 0), recorded));
  EXPECT_FALSE(at::allclose(store.episode(1, 0), store.episode(2, 0)));
  open();
  EXPECT_EQ(encoded_, 0);
}

TEST_F(LatentStoreTest, SharesOfRanksBecomeTheBytesOfOne) {
  recipe_.augmentation.variants = 2;
  const LatentStore alone = open();
  const fs::path shared = tiny_.path("shared");
  int64_t encoded = 0;
  const auto count = [&](int64_t frames, int64_t total) { encoded += frames == total ? total : 0; };
  for (const int64_t rank : {2, 0, 1, 7, 6, 5, 4, 3}) {
    encode_share(shared, sets_[0], vae_, recipe_, {rank, 8}, count);  // more ranks than episodes
  }
  join_shares(shared, sets_[0], vae_, recipe_, 8);
  EXPECT_EQ(encoded, 2 * (12 + 9 + 7 + 10 + 4));
  const auto refuse = [](int64_t, int64_t) { FAIL() << "encoded again"; };
  const LatentStore joined = open_latent_store(shared, sets_[0], vae_, recipe_, refuse);
  for (const int64_t variant : {0, 1}) {
    for (const int64_t episode : {0, 1, 2, 3}) {
      EXPECT_TRUE(at::equal(alone.episode(variant, episode), joined.episode(variant, episode)));
    }
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(shared), fs::directory_iterator()), 2) << "the parts are gone";
}

TEST_F(LatentStoreTest, AShareThatIsMissingIsEncoded) {
  const auto ignore = [](int64_t, int64_t) {};
  encode_share(cache(), sets_[0], vae_, recipe_, {0, 2}, ignore);
  join_shares(cache(), sets_[0], vae_, recipe_, 2);
  open();
  EXPECT_EQ(encoded_, 12 + 9 + 7 + 10 + 4);
}

TEST_F(LatentStoreTest, LatentsThatAreNotFiniteAreAnErrorAndNotKept) {
  {
    const at::NoGradGuard no_gradient;
    vae_->encoder->conv_in->parameters()[0].fill_(std::numeric_limits<float>::infinity());
  }
  const Problem problem = problem_of<Error>([&] { open(); });
  EXPECT_NE(problem.where.find("traj_0"), std::string::npos);
  EXPECT_FALSE(fs::exists(cache()));
}

}  // namespace
}  // namespace physgen
