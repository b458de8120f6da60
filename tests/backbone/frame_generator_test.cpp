#include <physgen/backbone/frame_generator.h>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <numeric>

#include <physgen/layers/initialization.h>
#include <physgen/layers/patch_embed.h>

namespace physgen {
namespace {

at::Generator generator(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

// The numbers of the reference's schedule, round(N cos(pi / 2 i / S)) and its differences.
TEST(DecodingCounts, AreThoseOfTheReference) {
  EXPECT_EQ(decoding_counts(1440, 8), (std::vector<int64_t>{28, 82, 133, 179, 218, 249, 270, 281}));
  const std::vector<int64_t> many = decoding_counts(1440, 64);
  EXPECT_EQ(many.size(), 63u);
  EXPECT_EQ(std::vector<int64_t>(many.begin(), many.begin() + 6), (std::vector<int64_t>{2, 2, 3, 4, 5, 5}));
  for (const int64_t steps : {1, 3, 16, 200}) {
    const std::vector<int64_t> counts = decoding_counts(64, steps);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), int64_t{0}), 64) << steps;
    EXPECT_LE(counts.size(), static_cast<size_t>(steps));
  }
}

class GeneratedFrames : public testing::TestWithParam<Position> {
 protected:
  GeneratedFrames()
      : nova_(NovaConfig{.width = 64,
                         .heads = 2,
                         .video_depth = 2,
                         .image_depth = 2,
                         .decoder_width = 24,
                         .decoder_depth = 1,
                         .latent_channels = 2,
                         .latent_height = 8,
                         .latent_width = 16,
                         .text_width = 16,
                         .text_slots = 3,
                         .text_rows = 6,
                         .position = GetParam()}) {
    initialize(*nova_, generator(4));
    const torch::NoGradGuard no_grad;
    for (at::Tensor& parameter : nova_->image_decoder->parameters()) parameter.normal_(0, 0.1, generator(5));
  }

  at::Tensor generate(const at::Tensor& condition, uint64_t seed) {
    return FrameGenerator(nova_, {.decoding_steps = 4, .denoising_steps = 3}, generator(seed)).draw(condition);
  }

  Nova nova_;
  at::Tensor condition_ = at::randn({2, 8, 64}, generator(6));
};

TEST_P(GeneratedFrames, FollowTheSeedAndTheirOwnCondition) {
  const at::Tensor frames = generate(condition_, 1);
  EXPECT_EQ(frames.sizes(), at::IntArrayRef({2, 2, 8, 16}));
  EXPECT_TRUE(frames.isfinite().all().item<bool>());
  EXPECT_TRUE(at::equal(generate(condition_, 1), frames));
  EXPECT_FALSE(at::allclose(generate(condition_, 2), frames));
  at::Tensor changed = condition_.clone();
  changed[1] += 1;
  const at::Tensor others = generate(changed, 1);
  EXPECT_TRUE(at::allclose(others[0], frames[0], 1e-5, 1e-6));
  EXPECT_FALSE(at::allclose(others[1], frames[1], 1e-3, 1e-3));
}

// A decoder that predicts no noise leaves each patch its own noise, times one number: so each must lie in its place.
TEST_P(GeneratedFrames, PutEachPatchInItsPlace) {
  const torch::NoGradGuard no_grad;
  for (at::Tensor& parameter : nova_->image_decoder->head->parameters()) parameter.zero_();
  const at::Tensor frames = generate(condition_, 1);
  at::Generator replayed = generator(1);
  const at::Tensor order = at::rand({2, 32}, replayed).argsort(int64_t{1});
  at::Tensor noise = at::zeros({2, 32, 8});
  int64_t done = 0;
  for (const int64_t count : decoding_counts(32, 4)) {
    const at::Tensor drawn = patchify(at::randn({2, 2, 8, 16}, replayed), 2);
    const at::Tensor ids = order.narrow(1, done, count).unsqueeze(-1).expand({-1, -1, 8});
    noise.scatter_(1, ids, drawn.gather(1, ids));
    done += count;
  }
  const at::Tensor expected = unpatchify(noise, 2, 8, 16);
  const double factor = (frames / expected).median().item<double>();
  EXPECT_TRUE(at::allclose(frames, expected * factor, 1e-4, 1e-4));
}

INSTANTIATE_TEST_SUITE_P(Positions, GeneratedFrames, testing::Values(Position::absolute, Position::rope));

}  // namespace
}  // namespace physgen
