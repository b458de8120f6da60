#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include <physgen/core/error.h>
#include <physgen/media/video_writer.h>

#include "media/video_reader.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

using testing::HasSubstr;

constexpr int64_t kFrames = 120, kRate = 20;

/// A colour of its own for each frame.
std::array<int, 3> colour(int64_t frame) {
  return {static_cast<int>(2 * frame), static_cast<int>(240 - 2 * frame), frame % 2 ? 90 : 160};
}

class VideoReaderTest : public testing::Test {
 protected:
  VideoReaderTest() {
    VideoWriter writer(path_, 48, 64, kRate);
    for (int64_t frame = 0; frame < kFrames; ++frame) {
      Image image{48, 64, {}};
      for (int64_t i = 0; i < 48 * 64 * 3; ++i) {
        image.pixels.push_back(static_cast<uint8_t>(colour(frame)[static_cast<size_t>(i % 3)]));
      }
      writer.add(image);
    }
    writer.close();
  }

  void expect_frame(VideoReader& reader, int64_t frame) const {
    const Image image = reader.read(static_cast<double>(frame) / kRate, 0.5 / kRate);
    ASSERT_EQ(image.height, 48);
    ASSERT_EQ(image.width, 64);
    for (size_t channel = 0; channel < 3; ++channel) {
      EXPECT_NEAR(image.pixels[3 * 1000 + channel], colour(frame)[channel], 4) << frame << " " << channel;
    }
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "video.mp4";
};

TEST_F(VideoReaderTest, EveryFrameIsFoundInAnyOrder) {
  VideoReader reader(path_);
  for (int64_t frame = 0; frame < kFrames; ++frame) expect_frame(reader, frame);
  for (int64_t frame = kFrames - 1; frame >= 0; frame -= 7) expect_frame(reader, frame);
  for (const int64_t frame : {3, 3, 90, 41, 42, 0, 119}) expect_frame(reader, frame);
}

TEST_F(VideoReaderTest, PicturesMayHaveAnyWidth) {
  for (int64_t width = 2; width <= 130; width += 8) {
    const std::string path = folder_ / "narrow.mp4";
    VideoWriter writer(path, 16, width, kRate);
    Image image{16, width, std::vector<uint8_t>(static_cast<size_t>(16 * width * 3), 90)};
    for (int64_t row = 0; row < 16; ++row) image.pixels[static_cast<size_t>((row + 1) * width * 3 - 1)] = 91;
    writer.add(image);
    writer.close();
    const Image found = VideoReader(path).read(0, 1);
    ASSERT_EQ(found.width, width);
    ASSERT_EQ(found.pixels.size(), image.pixels.size());
    for (const uint8_t value : found.pixels) EXPECT_NEAR(value, 90, 4) << width;
  }
}

TEST_F(VideoReaderTest, ATimeAfterTheEndIsNamedAndHarmsNothing) {
  VideoReader reader(path_);
  const Problem problem = problem_of<FormatError>([&] { reader.read(kFrames / double{kRate} + 1, 0.5 / kRate); });
  EXPECT_THAT(problem.where, HasSubstr("video.mp4"));
  expect_frame(reader, 60);
}

TEST_F(VideoReaderTest, ATimeBetweenTwoFramesHasNone) {
  VideoReader reader(path_);
  EXPECT_THAT(problem_of<FormatError>([&] { reader.read(3.5 / kRate, 0.1 / kRate); }).got,
              HasSubstr("the nearest at 0.1"));
  expect_frame(reader, 3);
}

TEST_F(VideoReaderTest, NoOtherFileIsOpenedWhateverThisOneSays) {
  for (const std::string text : {"ffconcat version 1.0\nfile video.mp4\n",
                                 "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nvideo.mp4\n#EXT-X-ENDLIST\n"}) {
    const std::string playlist = folder_ / "playlist.mp4";
    write_bytes(playlist, text);
    EXPECT_EQ(problem_of<FormatError>([&] { VideoReader reader(playlist); }).where, playlist) << text;
  }
}

TEST_F(VideoReaderTest, OtherFilesAreRefused) {
  EXPECT_THAT(problem_of<FormatError>([&] { VideoReader{folder_ / "none.mp4"}; }).where, HasSubstr("none.mp4"));
  std::ofstream(folder_ / "text.mp4") << "not a video";
  problem_of<FormatError>([&] { VideoReader{folder_ / "text.mp4"}; });
}

}  // namespace
}  // namespace physgen
