#include <physgen/policy/generation.h>

#include <gtest/gtest.h>

#include <cmath>

#include <physgen/policy/policy_checkpoint.h>

#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/test_device.h"
#include "support/tiny_model.h"

namespace physgen {
namespace {

const std::string kVideoModel = "nova:" PHYSGEN_SOURCE_DIR "/tests/golden/nova_absolute_ddpm";
const std::string kPictureModel = "nova:" PHYSGEN_SOURCE_DIR "/tests/golden/nova_plain";

GenerationOptions quick(int64_t frames, uint64_t seed = 1) {
  return {.frames = frames, .decoding_steps = 3, .denoising_steps = 3, .seed = seed, .device = test_device_name()};
}

Image plain(int64_t height, int64_t width, uint8_t value) {
  return {height, width, std::vector<uint8_t>(height * width * 3, value)};
}

TEST(GenerationFromText, GivesAsManyFramesAsAskedForAndFollowsTheSeed) {
  int64_t last = 0, total = 0;
  const auto progress = [&](int64_t done, int64_t all) { last = done, total = all; };
  const auto frames = generate_from_text(kVideoModel, "A cat.", "", {}, quick(3), progress);
  ASSERT_EQ(frames.size(), 3u);  // of the five that two latents decode to
  EXPECT_EQ(frames[0].height, 64);
  EXPECT_EQ(frames[0].width, 96);
  EXPECT_EQ(last, total);
  EXPECT_EQ(total, 6);
  EXPECT_EQ(generate_from_text(kVideoModel, "A cat.", "", {}, quick(3)), frames);
  EXPECT_NE(generate_from_text(kVideoModel, "A cat.", "", {}, quick(3, 2)), frames);
  EXPECT_NE(generate_from_text(kVideoModel, "A dog.", "", {}, quick(3)), frames);
  EXPECT_NE(generate_from_text(kVideoModel, "A cat.", "A dog.", {}, quick(3)), frames);
}

TEST(GenerationFromText, BeginsWithThePictureWhateverItsSize) {
  const auto dark = generate_from_text(kVideoModel, "", "", plain(200, 300, 0), quick(5));
  const auto light = generate_from_text(kVideoModel, "", "", plain(64, 96, 255), quick(5));
  EXPECT_EQ(dark.size(), 5u);
  EXPECT_NE(dark.front(), light.front());
}

TEST(GenerationFromText, APictureModelDrawsOnePicture) {
  EXPECT_EQ(generate_from_text(kPictureModel, "A cat.", "", {}, quick(1)).size(), 1u);
  EXPECT_EQ(problem_of<ConfigError>([] { generate_from_text(kPictureModel, "", "", {}, quick(5)); }).where, "frames");
}

TEST(GenerationFromText, NumbersOutOfRangeAreRefused) {
  const auto refused = [](GenerationOptions options) {
    return problem_of<ConfigError>([&] { generate_from_text(kPictureModel, "", "", {}, options); }).where;
  };
  GenerationOptions options = quick(1);
  options.motion = NAN;
  EXPECT_EQ(refused(options), "motion");
  options = quick(1);
  options.guidance_renorm = -0.1;
  EXPECT_EQ(refused(options), "guidance_renorm");
}

TEST(GenerationFromText, APromptThatIsTooLongIsCutAloud) {
  std::vector<std::string> notes;
  GenerationOptions options = quick(1);
  options.on_note = [&](const std::string& note) { notes.push_back(note); };
  std::string prompt;
  for (int i = 0; i < 300; ++i) prompt += "cat ";
  generate_from_text(kPictureModel, prompt, "", {}, options);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes.front().find("of the prompt's "), 0u) << notes.front();
}

TEST(GenerationFromText, Bfloat16IsNearFloat32) {
  GenerationOptions options = quick(1);
  options.guidance = 1;
  const Image single = generate_from_text(kPictureModel, "A cat.", "", {}, options).front();
  options.precision = "bfloat16";
  const Image half = generate_from_text(kPictureModel, "A cat.", "", {}, options).front();
  double difference = 0;
  for (size_t i = 0; i < single.pixels.size(); ++i) difference += std::abs(single.pixels[i] - half.pixels[i]);
  EXPECT_LT(difference / static_cast<double>(single.pixels.size()), 8);
  options.precision = "float8";
  EXPECT_EQ(problem_of<ConfigError>([&] { generate_from_text(kPictureModel, "", "", {}, options); }).got, "\"float8\"");
}

class Imagination : public testing::Test {
 protected:
  Imagination() {
    PhysGenModel model = make_model(config_.model);
    CausalVae vae(config_.vae);
    initialize(*vae, generator(5));
    save_policy(path_, config_, state_dict(*model), state_dict(*vae));
    demonstration_ = {{plain(16, 16, 90)}, Matrix::Zero(18, 3), {}, "push it"};
  }

  PolicyConfig config_ = tiny_policy_config();
  TemporaryFolder folder_;
  std::string path_ = folder_ / "policy";
  Demonstration demonstration_;
};

TEST_F(Imagination, ReachesAsFarAsTheActionsAndPastTheWindow) {
  const auto frames = imagine_demonstration(path_, demonstration_, quick(100));
  EXPECT_EQ(frames.size(), 5u);  // 18 actions in chunks of 4, a window of 3 packs
  EXPECT_EQ(imagine_demonstration(path_, demonstration_, quick(2)).size(), 2u);
}

// A frame's tokens see the actions of the packs before theirs: the first chunk counts from the third drawn frame on.
TEST_F(Imagination, FollowsTheActions) {
  const auto before = imagine_demonstration(path_, demonstration_, quick(4));
  demonstration_.actions.topRows(4).setConstant(0.5F);
  const auto after = imagine_demonstration(path_, demonstration_, quick(4));
  EXPECT_EQ(before[2], after[2]);
  EXPECT_NE(before[3], after[3]);
}

TEST_F(Imagination, AnotherRobotsActionsAreRefused) {
  demonstration_.actions = Matrix::Zero(8, 5);
  EXPECT_EQ(problem_of<ConfigError>([&] { imagine_demonstration(path_, demonstration_, quick(3)); }).got,
            "5 numbers each");
}

}  // namespace
}  // namespace physgen
