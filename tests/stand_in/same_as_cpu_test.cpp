#include <gtest/gtest.h>
#include <torch/torch.h>

#include <physgen/policy/controller.h>
#include <physgen/policy/generation.h>
#include <physgen/release/pretrained.h>
#include <physgen/text/phi_encoder.h>

#include "policy/controller_fixture.h"
#include "stand_in/stand_in_device.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

constexpr const char* kDevice = "hpu";
const std::string kReleases = PHYSGEN_SOURCE_DIR "/tests/golden/";

/// The greatest difference of two pictures' pixels, of 255.
int difference(const Image& a, const Image& b) {
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  int most = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) most = std::max(most, std::abs(a.pixels[i] - b.pixels[i]));
  return most;
}

class ReleaseOnStandIn : public testing::TestWithParam<std::string> {
 protected:
  std::vector<Image> draw(const std::string& device, int64_t frames) const {
    const GenerationOptions options{
        .frames = frames, .decoding_steps = 3, .denoising_steps = 3, .seed = 5, .device = device};
    return generate_from_text("nova:" + kReleases + GetParam(), "A cat.", "", {}, options);
  }
};

TEST_P(ReleaseOnStandIn, DrawsTheFramesOfTheCpu) {
  const int64_t frames = GetParam() == "nova_absolute_ddpm" ? 5 : 1;  // the others draw pictures
  const std::vector<Image> expected = draw("cpu", frames), got = draw(kDevice, frames);
  ASSERT_EQ(got.size(), static_cast<size_t>(frames));
  for (size_t i = 0; i < got.size(); ++i) EXPECT_LE(difference(got[i], expected[i]), 1) << i;
}

TEST_P(ReleaseOnStandIn, ReadsAPromptAsTheCpuDoes) {
  const PretrainedFiles files = open_pretrained("nova:" + kReleases + GetParam());
  if (!files.config.has_text_encoder) GTEST_SKIP() << "this release has no text encoder";
  const auto features = [&](at::Device device) {
    return load_text_encoder(files, at::kFloat, device).encode({"A cat.", ""});
  };
  const TextFeatures expected = features(at::kCPU);
  StandInDevice::reset();
  const TextFeatures got = features({at::kHPU, 0});
  EXPECT_TRUE(got.values.is_hpu());
  EXPECT_GT(StandInDevice::counts().operations, 20) << "it is computed there";
  EXPECT_TRUE(at::equal(got.used.cpu(), expected.used));
  EXPECT_TRUE(at::allclose(got.values.cpu(), expected.values, 1e-5, 1e-6));
}

INSTANTIATE_TEST_SUITE_P(Releases, ReleaseOnStandIn,
                         testing::Values("nova_absolute_ddpm", "nova_rotary_flow", "nova_plain"));

TEST(PhiOnStandIn, GivesTheHiddenStatesOfTheCpu) {
  const torch::NoGradGuard no_grad;
  PhiEncoder phi(PhiConfig{.vocabulary = 20, .width = 16, .hidden = 32, .depth = 2, .heads = 2, .rotary_share = 0.5});
  torch::manual_seed(3);
  for (at::Tensor& parameter : phi->parameters()) parameter.normal_(0, 0.3);
  const at::Tensor expected = phi->forward({3, 7, 9, 1});
  phi->to(at::Device(at::kHPU, 0));
  EXPECT_TRUE(at::allclose(phi->forward({3, 7, 9, 1}).cpu(), expected, 1e-5, 1e-6));
}

/// What a policy does and imagines on a device over an episode that slides.
struct Episode {
  Episode(const std::string& policy, const std::string& device, const ControllerOptions& options) {
    Controller controller(Policy::load(policy, {.device = device, .imagines = true, .precision = "float32"}), options);
    controller.reset("push it", 7);
    Matrix executed;
    for (uint64_t round = 0; round < 5; ++round) {
      actions.push_back(controller.act({.views = {picture(round)}, .state = {}}, executed));
      executed = actions.back().topRows(options.execute);
      imagined.push_back(controller.imagine());
    }
  }

  std::vector<Matrix> actions;
  std::vector<Image> imagined;
};

TEST(PolicyOnStandIn, ActsAndImaginesAsOnTheCpuWithEveryLookahead) {
  const TemporaryFolder folder;
  save_random_policy(folder / "policy", tiny_policy_config());
  for (const char* lookahead : {"none", "warm_start", "ensemble"}) {
    const ControllerOptions options{.execute = 2, .lookahead = lookahead};
    const Episode expected(folder / "policy", "cpu", options), got(folder / "policy", kDevice, options);
    for (size_t i = 0; i < got.actions.size(); ++i) {
      EXPECT_TRUE(got.actions[i].isApprox(expected.actions[i], 1e-4F)) << lookahead << ", round " << i;
      EXPECT_LE(difference(got.imagined[i], expected.imagined[i]), 1) << lookahead << ", round " << i;
    }
  }
}

}  // namespace
}  // namespace physgen
