#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "media/video_reader.h"

namespace physgen {
namespace {

using nlohmann::json;

const std::string kGolden = PHYSGEN_SOURCE_DIR "/tests/golden/videos/";

/// Videos of others, and what torchcodec decodes from them (scripts/reference/make_video_golden.py).
class VideoGolden : public testing::TestWithParam<const char*> {
 protected:
  VideoGolden() { std::ifstream(kGolden + GetParam() + ".json") >> expected_; }

  void expect_frame(VideoReader& reader, size_t index) const {
    const json& expected = expected_[index];
    const Image image = reader.read(expected["time"].get<double>(), 0.05);
    for (size_t channel = 0; channel < 3; ++channel) {
      double sum = 0;
      for (size_t i = channel; i < image.pixels.size(); i += 3) sum += image.pixels[i];
      EXPECT_NEAR(sum / static_cast<double>(image.height * image.width), expected["mean"][channel].get<double>(), 1e-4)
          << index;
      EXPECT_EQ(image.pixels[channel], expected["corner"][channel].get<int>()) << index;
    }
  }

  json expected_;
};

TEST_P(VideoGolden, HasTheSamePixels) {
  ASSERT_EQ(expected_.size(), 40u);
  VideoReader reader(kGolden + GetParam() + ".mp4");
  for (size_t i = 0; i < expected_.size(); ++i) expect_frame(reader, i);
  for (size_t i = expected_.size(); i-- > 0;) expect_frame(reader, i);
}

TEST_P(VideoGolden, EachFrameIsFoundFromTheStart) {
  for (size_t i = 0; i < expected_.size(); ++i) {
    VideoReader reader(kGolden + GetParam() + ".mp4");
    expect_frame(reader, i);
  }
}

INSTANTIATE_TEST_SUITE_P(Videos, VideoGolden,
                         testing::Values("untagged", "bt601_limited", "bt601_full", "bt709_limited", "bt709_full",
                                         "open_gop"),
                         [](const auto& video) { return std::string(video.param); });

}  // namespace
}  // namespace physgen
