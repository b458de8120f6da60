#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>

#include <physgen/backbone/nova.h>
#include <physgen/core/error.h>
#include <physgen/layers/initialization.h>
#include <physgen/layers/state_dict.h>

#include "support/published_tensors.h"

namespace physgen {
namespace {

NovaConfig osp480() {
  return ConfigDocument::load(PHYSGEN_SOURCE_DIR "/configs/model/nova_osp480.json").read<NovaConfig>();
}

class PublishedTensors : public testing::TestWithParam<bool> {};

TEST_P(PublishedTensors, HaveTheNamesAndShapesOfTheTable) {
  const bool mixer = GetParam();
  NovaConfig config = osp480();
  config.mixer_rank = mixer ? 24 : 0;
  const NamedTensors own = state_dict(*Nova(config));  // no weight is touched: pages stay unmapped
  auto expected = published_tensors("nova_tensors_transformer_mixer24.tsv");
  if (!mixer) std::erase_if(expected, [](auto& item) { return item.first.find("mixer") != std::string::npos; });
  int64_t elements = 0;
  std::map<std::string, std::string> got;
  for (const auto& [name, tensor] : own) {
    got[name] = shape_text(tensor.sizes());
    elements += tensor.numel();
  }
  EXPECT_EQ(got, expected);
  EXPECT_EQ(own.size(), mixer ? 646u : 643u);
  EXPECT_EQ(elements, mixer ? 645'505'040 : 645'429'264);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutMixer, PublishedTensors, testing::Bool());

NovaConfig tiny(Position position = Position::absolute) {
  return {.width = 64,
          .heads = 2,
          .video_depth = 2,
          .image_depth = 4,
          .decoder_width = 24,
          .decoder_depth = 2,
          .latent_channels = 2,
          .latent_height = 8,
          .latent_width = 16,
          .text_width = 16,
          .text_slots = 3,
          .text_rows = 6,
          .position = position};
}

Nova make_nova(Position position = Position::absolute) {
  Nova nova(tiny(position));
  initialize(*nova, at::make_generator<at::CPUGeneratorImpl>(4));
  return nova;
}

FrameMask make_mask(int64_t frames, int64_t patches, double uniform = 0.1) {
  return draw_frame_mask(uniform, at::rand({frames, patches}, at::make_generator<at::CPUGeneratorImpl>(8)));
}

TEST(FrameMask, HidesTheSharesThatTheReferenceDoes) {
  double mean = 0;
  for (int i = 0; i < 1000; ++i) {
    FrameMask mask = draw_frame_mask((i + 0.5) / 1000, at::rand({1, 1440}));
    EXPECT_EQ(mask.unknown.sum().item<int64_t>() + mask.known_ids.size(1), 1440);
    EXPECT_LE(mask.known_ids.size(1), 432);
    mean += static_cast<double>(mask.known_ids.size(1)) / 1000;
  }
  EXPECT_NEAR(mean, 191.5, 1);
}

class Completion : public testing::TestWithParam<Position> {};

TEST_P(Completion, SeesKnownPatchesAndTheConditionAndNothingElse) {
  Nova nova = make_nova(GetParam());
  torch::NoGradGuard no_grad;
  const int64_t patches = tiny().image_tokens();
  FrameMask mask = make_mask(2, patches);
  at::Tensor x = at::randn({2, patches, 8}), condition = at::randn({2, 8, 64});
  at::Tensor before = nova->complete_frames(x, mask, condition);
  EXPECT_EQ(before.sizes(), at::IntArrayRef({2, patches, 64}));

  at::Tensor hidden_changed = at::where(mask.unknown.unsqueeze(-1), at::randn_like(x), x);
  EXPECT_TRUE(at::equal(nova->complete_frames(hidden_changed, mask, condition), before));

  at::Tensor known_changed = x.clone();
  known_changed[0][mask.known_ids[0][0].item<int64_t>()] += 1;
  at::Tensor after = nova->complete_frames(known_changed, mask, condition);
  EXPECT_FALSE(at::allclose(after[0], before[0], 1e-3, 1e-3));
  EXPECT_TRUE(at::equal(after[1], before[1]));

  EXPECT_FALSE(at::allclose(nova->complete_frames(x, mask, condition + 1), before, 1e-3, 1e-3));
}

INSTANTIATE_TEST_SUITE_P(Positions, Completion, testing::Values(Position::absolute, Position::rope));

// Few timesteps are embedded one by one, many through a table of all, and one counts for all patches.
TEST(DiffusionMlp, GivesTheSameHoweverTheTimestepsAreEmbedded) {
  const torch::NoGradGuard no_grad;
  Nova nova = make_nova();
  DiffusionMlp& decoder = nova->image_decoder;
  for (at::Tensor& parameter : decoder->parameters()) parameter.normal_(0, 0.1);
  const at::Tensor patches = at::randn({1200, 8}), condition = at::randn({1200, 24});
  const at::Tensor timesteps = at::arange(1200) % 1000;
  const at::Tensor all = decoder->forward(patches, timesteps, condition);
  const auto few = [&](const at::Tensor& some) {
    return decoder->forward(patches.narrow(0, 7, 5), some, condition.narrow(0, 7, 5));
  };
  EXPECT_TRUE(at::allclose(few(timesteps.narrow(0, 7, 5)), all.narrow(0, 7, 5), 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(few(timesteps.narrow(0, 7, 1))[0], all[7], 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(few(at::full({5}, 7, at::kLong)), few(at::full({1}, 7, at::kLong)), 1e-5, 1e-6));
}

TEST(Nova, AppendsMotionTokensOnRequest) {
  NovaConfig config = tiny();
  config.motion_tokens = true;
  Nova nova(config);
  initialize(*nova, at::make_generator<at::CPUGeneratorImpl>(4));
  EXPECT_EQ(nova->embed_prefix({}, 2).sizes(), at::IntArrayRef({2, 5, 64}));
}

TEST(Nova, PadsAnInstructionWithTheNullTable) {
  Nova nova = make_nova();
  at::Tensor used = at::arange(3).unsqueeze(0) < 1;
  at::Tensor a = nova->embed_prefix({at::randn({1, 3, 16}), used}, 1);
  at::Tensor null = nova->embed_prefix({}, 1);
  EXPECT_TRUE(at::allclose(a.narrow(1, 1, 2), null.narrow(1, 1, 2)));
  EXPECT_FALSE(at::allclose(a.narrow(1, 0, 1), null.narrow(1, 0, 1)));
}

TEST(NovaConfig, SizesThatDoNotFitAreRefused) {
  NovaConfig config = tiny();
  config.heads = 5;
  try {
    check_sizes(config, "model.backbone");
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.problem().where, "model.backbone.width");
    EXPECT_EQ(error.problem().got, "64");
    EXPECT_EQ(error.exit_code(), 2);
  }
}

}  // namespace
}  // namespace physgen
