#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <physgen/core/error.h>
#include <physgen/media/video_writer.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace physgen {
namespace {

/// What a player sees of a video.
struct Played {
  int height = 0;
  int width = 0;
  double frames_per_second = 0;
  std::vector<double> brightness;  // of each frame's centre, 0 to 255
  bool h264 = false;
  bool yuv420p = false;
};

Played play(const std::string& path) {
  Played played;
  AVFormatContext* format = nullptr;
  if (avformat_open_input(&format, path.c_str(), nullptr, nullptr) < 0) return played;
  avformat_find_stream_info(format, nullptr);
  const AVStream* stream = format->streams[0];
  const AVCodec* decoder = avcodec_find_decoder(stream->codecpar->codec_id);
  AVCodecContext* codec = avcodec_alloc_context3(decoder);
  avcodec_parameters_to_context(codec, stream->codecpar);
  avcodec_open2(codec, decoder, nullptr);
  AVPacket* packet = av_packet_alloc();
  AVFrame* frame = av_frame_alloc();
  bool more = true;
  while (more) {
    more = av_read_frame(format, packet) >= 0;
    avcodec_send_packet(codec, more ? packet : nullptr);
    while (avcodec_receive_frame(codec, frame) >= 0) {
      const int luma = frame->data[0][frame->height / 2 * frame->linesize[0] + frame->width / 2];
      played.brightness.push_back((luma - 16) * 255.0 / 219);
    }
    av_packet_unref(packet);
  }
  played.height = codec->height;
  played.width = codec->width;
  played.frames_per_second = av_q2d(stream->avg_frame_rate);
  played.h264 = stream->codecpar->codec_id == AV_CODEC_ID_H264;
  played.yuv420p = codec->pix_fmt == AV_PIX_FMT_YUV420P;
  av_frame_free(&frame);
  av_packet_free(&packet);
  avcodec_free_context(&codec);
  avformat_close_input(&format);
  return played;
}

Image grey(int64_t height, int64_t width, int value) {
  return {height, width, std::vector<uint8_t>(static_cast<size_t>(height * width * 3), static_cast<uint8_t>(value))};
}

class VideoWriterTest : public testing::Test {
 protected:
  VideoWriterTest() { std::filesystem::create_directories(folder_); }
  ~VideoWriterTest() override { std::filesystem::remove_all(folder_); }

  size_t files() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {})); }

  const std::string folder_ = testing::TempDir() + "video_writer_test_" + std::to_string(getpid());
  const std::string path_ = folder_ + "/video.mp4";
};

TEST_F(VideoWriterTest, WhatIsWrittenIsWhatIsPlayed) {
  VideoWriter writer(path_, 64, 96, 20);
  for (int i = 0; i < 50; ++i) writer.add(grey(64, 96, i * 5));
  EXPECT_FALSE(std::filesystem::exists(path_));
  writer.close();
  writer.close();
  EXPECT_EQ(files(), 1u);
  const Played played = play(path_);
  EXPECT_TRUE(played.h264);
  EXPECT_TRUE(played.yuv420p);
  EXPECT_EQ(played.height, 64);
  EXPECT_EQ(played.width, 96);
  EXPECT_DOUBLE_EQ(played.frames_per_second, 20);
  ASSERT_EQ(played.brightness.size(), 50u);
  for (size_t i = 0; i < 50; ++i) EXPECT_NEAR(played.brightness[i], 5.0 * static_cast<double>(i), 4) << i;
}

TEST_F(VideoWriterTest, OddSizesArePadded) {
  VideoWriter writer(path_, 63, 65, 10);
  writer.add(grey(63, 65, 200));
  writer.close();
  const Played played = play(path_);
  EXPECT_EQ(played.height, 64);
  EXPECT_EQ(played.width, 66);
  ASSERT_EQ(played.brightness.size(), 1u);
  EXPECT_NEAR(played.brightness[0], 200, 4);
}

TEST_F(VideoWriterTest, TheIndexLiesBeforeThePictures) {
  VideoWriter writer(path_, 32, 32, 10);
  for (int i = 0; i < 10; ++i) writer.add(grey(32, 32, 20 * i));
  writer.close();
  std::ifstream file(path_, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  ASSERT_NE(bytes.find("moov"), std::string::npos);
  EXPECT_LT(bytes.find("moov"), bytes.find("mdat"));
}

TEST_F(VideoWriterTest, AnAbandonedVideoLeavesNothingBehind) {
  {
    VideoWriter writer(path_, 32, 32, 10);
    writer.add(grey(32, 32, 1));
    EXPECT_EQ(files(), 1u);
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(VideoWriterTest, RefusesWhatCannotBeAVideo) {
  EXPECT_THROW(VideoWriter(path_, 0, 32, 10), ConfigError);
  EXPECT_THROW(VideoWriter(path_, 32, 32, 0), ConfigError);
  try {
    VideoWriter writer(folder_ + "/missing/video.mp4", 32, 32, 10);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem().where, folder_ + "/missing/video.mp4");
    EXPECT_EQ(error.problem().got, "No such file or directory");
    EXPECT_EQ(error.exit_code(), 1);
  }
  VideoWriter writer(path_, 32, 32, 10);
  EXPECT_THROW(writer.close(), Error);
  try {
    writer.add(grey(32, 34, 0));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem().got, "32 x 34");
    EXPECT_EQ(error.problem().expected, "32 x 32");
  }
}

}  // namespace
}  // namespace physgen
