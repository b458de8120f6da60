#include <physgen/media/video_reader.h>

extern "C" {
#include <libavformat/avformat.h>
}

#include <cmath>
#include <optional>

#include <physgen/core/error.h>

#include "media/ffmpeg.h"

namespace physgen {
namespace {

constexpr double kSeekBeyond = 2;  // seconds ahead, from which on decoding all between costs more than seeking

struct CloseFormat {
  void operator()(AVFormatContext* format) const { avformat_close_input(&format); }
};

}  // namespace

struct VideoReader::Stream {
  explicit Stream(std::string file);
  void open_file();
  void open_codec();
  int check(int code, const std::string& what) const;
  double time_of_frame() const;
  void seek(double seconds);
  bool decode_next();
  void advance_to(double seconds, double tolerance);
  Image picture();

  std::string path;
  std::unique_ptr<AVFormatContext, CloseFormat> format;
  std::unique_ptr<AVCodecContext, FreeCodec> codec;
  std::unique_ptr<AVFrame, FreeFrame> frame{av_frame_alloc()};
  std::unique_ptr<AVPacket, FreePacket> packet{av_packet_alloc()};
  std::unique_ptr<SwsContext, FreeScaler> scaler;
  AVStream* video = nullptr;
  std::optional<double> at;  // the time of `frame`; nothing before the first
};

VideoReader::Stream::Stream(std::string file) : path(std::move(file)) {
  open_file();
  open_codec();
}

int VideoReader::Stream::check(int code, const std::string& what) const {
  if (code >= 0) return code;
  throw FormatError({what, path, words_of(code), "a whole video file", "make it or download it again"});
}

void VideoReader::Stream::open_file() {
  AVFormatContext* opened = nullptr;
  check(avformat_open_input(&opened, path.c_str(), nullptr, nullptr), "a video cannot be read");
  format.reset(opened);
  check(avformat_find_stream_info(opened, nullptr), "a video cannot be read");
  const int index = av_find_best_stream(opened, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  video = opened->streams[check(index, "a file holds no video")];
}

void VideoReader::Stream::open_codec() {
  const AVCodec* decoder = avcodec_find_decoder(video->codecpar->codec_id);
  if (!decoder) check(AVERROR_DECODER_NOT_FOUND, "a video's codec is not known");
  codec.reset(avcodec_alloc_context3(decoder));
  codec->log_level_offset = kSilent;
  codec->thread_count = 1;
  check(avcodec_parameters_to_context(codec.get(), video->codecpar), "a video cannot be decoded");
  check(avcodec_open2(codec.get(), decoder, nullptr), "a video cannot be decoded");
}

double VideoReader::Stream::time_of_frame() const {
  return static_cast<double>(frame->best_effort_timestamp) * av_q2d(video->time_base);
}

void VideoReader::Stream::seek(double seconds) {
  const auto target = static_cast<int64_t>(std::floor(seconds / av_q2d(video->time_base)));
  at.reset();
  const int code = av_seek_frame(format.get(), video->index, target, AVSEEK_FLAG_BACKWARD);
  if (code < 0)
    check(av_seek_frame(format.get(), video->index, 0, AVSEEK_FLAG_BACKWARD), "a video cannot be sought in");
  avcodec_flush_buffers(codec.get());
}

/// False at the video's end.
bool VideoReader::Stream::decode_next() {
  at.reset();
  while (true) {
    const int received = avcodec_receive_frame(codec.get(), frame.get());
    if (received >= 0) {
      at = time_of_frame();
      return true;
    }
    if (received == AVERROR_EOF) return false;
    if (received != AVERROR(EAGAIN)) check(received, "a video cannot be decoded");
    const bool more = av_read_frame(format.get(), packet.get()) >= 0;
    const bool ours = more && packet->stream_index == video->index;
    const int sent = ours || !more ? avcodec_send_packet(codec.get(), more ? packet.get() : nullptr) : 0;
    av_packet_unref(packet.get());
    check(sent, "a video cannot be decoded");
  }
}

void VideoReader::Stream::advance_to(double seconds, double tolerance) {
  if (!at || *at > seconds + tolerance || seconds > *at + kSeekBeyond) seek(seconds);
  std::string nearest = "no frame";
  while (!at || *at < seconds - tolerance) {
    if (at) nearest = "one at " + std::to_string(*at) + " s";
    if (!decode_next()) break;
  }
  if (at && *at <= seconds + tolerance) return;
  if (at) nearest = "one at " + std::to_string(*at) + " s";
  throw FormatError({"a video has no frame at this time", path, nearest, "one at " + std::to_string(seconds) + " s",
                     "make it or download it again"});
}

Image VideoReader::Stream::picture() {
  const int rows = frame->height, columns = frame->width;
  scaler.reset(sws_getCachedContext(scaler.release(), columns, rows, static_cast<AVPixelFormat>(frame->format), columns,
                                    rows, AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT,
                                    nullptr, nullptr, nullptr));
  if (!scaler) check(AVERROR(ENOMEM), "a video frame cannot be converted");
  const bool known = frame->colorspace != AVCOL_SPC_UNSPECIFIED && frame->colorspace != AVCOL_SPC_RGB;
  const int* from = sws_getCoefficients(known ? frame->colorspace : SWS_CS_DEFAULT);
  const int full = frame->color_range == AVCOL_RANGE_JPEG;
  sws_setColorspaceDetails(scaler.get(), from, full, sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
  Image image{rows, columns, std::vector<uint8_t>(static_cast<size_t>(rows) * static_cast<size_t>(columns) * 3)};
  uint8_t* planes[] = {image.pixels.data()};
  const int strides[] = {columns * 3};
  sws_scale(scaler.get(), frame->data, frame->linesize, 0, rows, planes, strides);
  return image;
}

VideoReader::VideoReader(const std::string& path) {
  const FfmpegSilence silence;  // what goes wrong is thrown
  stream_ = std::make_unique<Stream>(path);
}

VideoReader::~VideoReader() = default;

Image VideoReader::read(double seconds, double tolerance) {
  const FfmpegSilence silence;
  stream_->advance_to(seconds, tolerance);
  return stream_->picture();
}

}  // namespace physgen
