#include <physgen/media/video_writer.h>

extern "C" {
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
}

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <physgen/core/error.h>

#include "media/ffmpeg.h"

namespace physgen {
namespace {

constexpr int64_t kMostPixelsPerSide = 16384;
constexpr const char* kQuality = "18";   // x264's constant rate factor: hardly told from the original
constexpr const char* kPreset = "fast";  // x264's compromise of time and size

int64_t even(int64_t size) { return size + size % 2; }

struct FreeFormat {
  void operator()(AVFormatContext* format) const {
    avio_closep(&format->pb);
    avformat_free_context(format);
  }
};

}  // namespace

struct VideoWriter::Stream {
  Stream(std::string path, int64_t height, int64_t width, double frames_per_second);
  ~Stream();
  void open_codec(double frames_per_second);
  void open_file();
  void open_scaler();
  void convert(const Image& image);
  void encode(const AVFrame* picture);
  void finish();
  int check(int code, const std::string& what) const;

  std::string path;
  std::string partial = path + ".partial";
  int64_t height;
  int64_t width;
  int64_t frames = 0;
  bool finished = false;
  std::unique_ptr<AVFormatContext, FreeFormat> format;
  std::unique_ptr<AVCodecContext, FreeCodec> codec;
  std::unique_ptr<AVFrame, FreeFrame> frame{av_frame_alloc()};
  std::unique_ptr<AVPacket, FreePacket> packet{av_packet_alloc()};
  std::unique_ptr<SwsContext, FreeScaler> scaler;
};

VideoWriter::Stream::Stream(std::string file, int64_t rows, int64_t columns, double frames_per_second)
    : path(std::move(file)), height(rows), width(columns) {
  const auto between = [&](const std::string& name, int64_t value, int64_t most) {
    if (value >= 1 && value <= most) return;
    throw ConfigError({"a video's " + name + " is impossible", path, std::to_string(value),
                       "1 to " + std::to_string(most), "correct it"});
  };
  between("height", height, kMostPixelsPerSide);
  between("width", width, kMostPixelsPerSide);
  if (!(frames_per_second > 0 && frames_per_second <= 1000)) {
    throw ConfigError({"a video's rate is impossible", path, std::to_string(frames_per_second),
                       "more than 0, at most 1000", "correct it"});
  }
  open_codec(frames_per_second);
  open_scaler();
  open_file();
}

VideoWriter::Stream::~Stream() {
  format.reset();
  if (!finished) std::remove(partial.c_str());
}

int VideoWriter::Stream::check(int code, const std::string& what) const {
  if (code >= 0) return code;
  throw Error({what, path, words_of(code), "", "check the folder, its free space and the FFmpeg libraries"});
}

void VideoWriter::Stream::open_codec(double frames_per_second) {
  const AVCodec* encoder = avcodec_find_encoder_by_name("libx264");
  if (!encoder) {
    throw Error({"videos cannot be written", path, "an FFmpeg without libx264", "an FFmpeg built with libx264",
                 "install Debian's or Ubuntu's libavcodec-dev"});
  }
  codec.reset(avcodec_alloc_context3(encoder));
  codec->height = static_cast<int>(even(height));
  codec->width = static_cast<int>(even(width));
  constexpr int kMostDenominator = 1'000'000;
  codec->framerate = av_d2q(frames_per_second, kMostDenominator);
  codec->time_base = av_inv_q(codec->framerate);
  codec->gop_size = std::max(1, static_cast<int>(2 * frames_per_second));  // a player can jump to each two seconds
  codec->pix_fmt = AV_PIX_FMT_YUV420P;
  codec->colorspace = AVCOL_SPC_SMPTE170M;  // BT.601, which those expect who do not look: PyAV, and so LeRobot
  codec->color_primaries = AVCOL_PRI_BT709;
  codec->color_trc = AVCOL_TRC_IEC61966_2_1;
  codec->color_range = AVCOL_RANGE_MPEG;
  codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  codec->log_level_offset = kSilent;
  av_opt_set(codec->priv_data, "crf", kQuality, 0);
  av_opt_set(codec->priv_data, "preset", kPreset, 0);
  check(avcodec_open2(codec.get(), encoder, nullptr), "the H.264 encoder cannot be opened");
}

void VideoWriter::Stream::open_scaler() {
  const int rows = codec->height;
  const int columns = codec->width;
  scaler.reset(sws_getContext(columns, rows, AV_PIX_FMT_RGB24, columns, rows, AV_PIX_FMT_YUV420P,
                              SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, nullptr, nullptr, nullptr));
  const int* bt601 = sws_getCoefficients(SWS_CS_SMPTE170M);
  sws_setColorspaceDetails(scaler.get(), bt601, 1, bt601, 0, 0, 1 << 16, 1 << 16);
  frame->format = AV_PIX_FMT_YUV420P;
  frame->height = rows;
  frame->width = columns;
  check(av_frame_get_buffer(frame.get(), 0), "a video frame cannot be allocated");
}

void VideoWriter::Stream::open_file() {
  AVFormatContext* opened = nullptr;
  check(avformat_alloc_output_context2(&opened, nullptr, "mp4", nullptr), "an MP4 cannot be made");
  format.reset(opened);
  AVStream* stream = avformat_new_stream(opened, nullptr);
  stream->time_base = codec->time_base;
  check(avcodec_parameters_from_context(stream->codecpar, codec.get()), "an MP4 cannot be made");
  check(avio_open(&opened->pb, partial.c_str(), AVIO_FLAG_WRITE), "a video cannot be written");
  opened->url = av_strdup(partial.c_str());  // moving the index to the front opens the file once more
  AVDictionary* options = nullptr;
  av_dict_set(&options, "movflags", "+faststart", 0);
  const int code = avformat_write_header(opened, &options);
  av_dict_free(&options);
  check(code, "a video cannot be written");
}

void VideoWriter::Stream::convert(const Image& image) {
  const int64_t rows = codec->height;
  const int64_t columns = codec->width;
  std::vector<uint8_t> padded(static_cast<size_t>(rows * columns * 3));
  for (int64_t y = 0; y < rows; ++y) {
    const uint8_t* from = image.pixels.data() + std::min(y, height - 1) * width * 3;
    uint8_t* to = padded.data() + y * columns * 3;
    std::copy_n(from, width * 3, to);
    if (columns > width) std::copy_n(from + (width - 1) * 3, 3, to + width * 3);
  }
  const uint8_t* planes[] = {padded.data()};
  const int strides[] = {static_cast<int>(columns * 3)};
  check(av_frame_make_writable(frame.get()), "a video frame cannot be allocated");
  sws_scale(scaler.get(), planes, strides, 0, static_cast<int>(rows), frame->data, frame->linesize);
}

/// Hands one picture to the encoder, null for the end, and writes what comes out.
void VideoWriter::Stream::encode(const AVFrame* picture) {
  check(avcodec_send_frame(codec.get(), picture), "a video frame cannot be encoded");
  while (true) {
    const int code = avcodec_receive_packet(codec.get(), packet.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
    check(code, "a video frame cannot be encoded");
    packet->stream_index = 0;
    packet->duration = 1;
    av_packet_rescale_ts(packet.get(), codec->time_base, format->streams[0]->time_base);
    check(av_interleaved_write_frame(format.get(), packet.get()), "a video cannot be written");
  }
}

void VideoWriter::Stream::finish() {
  const FfmpegSilence silence;  // the muxer reports its second pass, and has no level of its own
  encode(nullptr);
  check(av_write_trailer(format.get()), "a video cannot be written");
  check(avio_closep(&format->pb), "a video cannot be written");
  if (std::rename(partial.c_str(), path.c_str()) != 0) check(AVERROR(errno), "a video cannot be written");
  finished = true;
}

VideoWriter::VideoWriter(const std::string& path, int64_t height, int64_t width, double frames_per_second)
    : stream_(std::make_unique<Stream>(path, height, width, frames_per_second)) {}

VideoWriter::~VideoWriter() = default;

void VideoWriter::add(const Image& frame) {
  Stream& stream = *stream_;
  const bool fits = frame.height == stream.height && frame.width == stream.width &&
                    frame.pixels.size() == static_cast<size_t>(frame.height * frame.width * 3);
  if (stream.finished || !fits) {
    throw Error({stream.finished ? "a frame was added to a closed video" : "a frame has another size than its video",
                 stream.path, std::to_string(frame.height) + " x " + std::to_string(frame.width),
                 std::to_string(stream.height) + " x " + std::to_string(stream.width), ""});
  }
  stream.convert(frame);
  stream.frame->pts = stream.frames++;
  stream.encode(stream.frame.get());
}

void VideoWriter::close() {
  if (stream_->finished) return;
  if (stream_->frames == 0) throw Error({"a video has no frames", stream_->path, "0 frames", "at least 1", ""});
  stream_->finish();
}

}  // namespace physgen
