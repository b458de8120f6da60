#include <gtest/gtest.h>

#include "codec/pixels.h"
#include "support/test_device.h"
#include "train/fixed_windows.h"
#include "train/imagined_frames.h"
#include "train/tiny_run.h"

namespace physgen {
namespace {

class ImaginedFramesTest : public testing::Test {
 protected:
  ImaginedFrames imagine(uint64_t seed) {
    const Compute compute{.device = test_device()};
    model_->to(compute.device);
    const auto frames = imagine_held_out(model_, windows_, compute, seed);
    EXPECT_TRUE(frames.has_value());
    return frames.value_or(ImaginedFrames());
  }

  const ModelConfig config_ = tiny_model_config();
  const FixedWindows windows_{config_, 8};
  PhysGenModel model_ = make_model(config_);
};

TEST_F(ImaginedFramesTest, AreOfWindowsAllOverTheHeldOutOnes) {
  const ImaginedFrames frames = imagine(1);
  ASSERT_EQ(frames.seen.size(0), 4);
  EXPECT_EQ(frames.imagined.sizes(), frames.came.sizes());
  for (int64_t i = 0; i < 4; ++i) {
    const WindowBatch window = windows_.batch(2 * i, 1);
    const int64_t next = window.frame_valid.sum().item<int64_t>() - 1;
    EXPECT_TRUE(at::equal(frames.seen[i], window.latents[0][next - 1])) << i;
    EXPECT_TRUE(at::equal(frames.came[i], window.latents[0][next])) << i;
  }
}

TEST_F(ImaginedFramesTest, DependOnTheSeedAlone) {
  const ImaginedFrames first = imagine(1), again = imagine(1), other = imagine(2);
  EXPECT_TRUE(at::equal(first.imagined, again.imagined));
  EXPECT_FALSE(at::allclose(first.imagined, other.imagined));
  EXPECT_TRUE(at::isfinite(first.imagined).all().item<bool>());
}

TEST_F(ImaginedFramesTest, ThePictureHasWhatWasSeenAboveWhatWasImaginedAndWhatCame) {
  const torch::NoGradGuard no_gradient;
  const ImaginedFrames frames = imagine(1);
  CausalVae vae = TinyRun::make_vae();
  const Image picture = picture_of(frames, vae);
  EXPECT_EQ(picture.width, 4 * 16 + 3 * 2);
  EXPECT_EQ(picture.height, 3 * 16 + 2 * 2);
  const at::Tensor pixels = view_of(picture);
  int64_t top = 0;
  for (const at::Tensor& row : {frames.seen, frames.imagined, frames.came}) {
    const at::Tensor last = values_to_pixels(vae->decode(vae->denormalize(row)))[3];
    EXPECT_TRUE(at::equal(pixels.narrow(0, top, 16).narrow(1, 3 * 18, 16), last)) << top;
    top += 18;
  }
}

TEST_F(ImaginedFramesTest, AFailureIsNoReasonToEndARun) {
  ModelConfig other = config_;
  other.backbone.latent_channels += 1;
  EXPECT_FALSE(imagine_held_out(model_, FixedWindows(other, 8), {.device = at::kCPU}, 1).has_value());
}

}  // namespace
}  // namespace physgen
