#include "media/video_reader.h"

extern "C" {
#include <libavformat/avformat.h>
}

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <physgen/core/error.h>

#include "core/foreign_file.h"
#include "media/ffmpeg.h"
#include "media/picture_limits.h"

namespace physgen {
namespace {

// Formats that hold their pictures themselves: a playlist under a video's name would have FFmpeg open other files.
constexpr const char* kContainers = "mov,mp4,matroska,webm,avi,mpegts";
constexpr int kScalersColumns = 64;  // the scaler writes whole blocks of columns, beyond a row's end
constexpr double kSeekBeyond = 2;    // seconds ahead, from which on decoding all between costs more than seeking

/// A decoded frame and its time on the video's clock; nothing before the first and after the last.
struct TimedFrame {
  std::unique_ptr<AVFrame, FreeFrame> frame{av_frame_alloc()};
  std::optional<double> time;

  bool is_until(double seconds) const { return time && *time <= seconds; }
  bool is_from(double seconds) const { return time && *time >= seconds; }
};

/// What decides how a frame's samples become colours.
struct Colours {
  int width = 0, height = 0, format = 0, matrix = 0, range = 0;

  bool operator==(const Colours&) const = default;
};

struct CloseFormat {
  void operator()(AVFormatContext* format) const { avformat_close_input(&format); }
};

}  // namespace

struct VideoReader::Stream {
  explicit Stream(std::string file);
  void open_file();
  void open_codec();
  int check(int code, const std::string& what) const;
  void seek(double seconds);
  void seek_to_decode(double seconds);
  void take_spare();
  void decode_next();
  const TimedFrame& nearest_to(double seconds);
  void prepare_scaler(const AVFrame& frame);
  Image picture(const AVFrame& frame);

  std::string path;
  std::unique_ptr<AVFormatContext, CloseFormat> format;
  std::unique_ptr<AVCodecContext, FreeCodec> codec;
  TimedFrame before, latest, spare;  // the last two that were decoded, and room for the next
  bool ended = false;
  std::unique_ptr<AVPacket, FreePacket> packet{av_packet_alloc()};
  std::unique_ptr<SwsContext, FreeScaler> scaler;
  Colours scaled;             // that it was made for
  std::vector<uint8_t> wide;  // what it writes where rows need room at their end
  AVStream* video = nullptr;
};

VideoReader::Stream::Stream(std::string file) : path(std::move(file)) {
  refuse_foreign_file(path);
  open_file();
  open_codec();
}

int VideoReader::Stream::check(int code, const std::string& what) const {
  if (code >= 0) return code;
  throw FormatError({what, path, words_of(code), "a whole video file", "make it or download it again"});
}

void VideoReader::Stream::open_file() {
  AVFormatContext* opened = nullptr;
  AVDictionary* options = nullptr;
  av_dict_set(&options, "format_whitelist", kContainers, 0);
  av_dict_set(&options, "protocol_whitelist", "file", 0);
  const int code = avformat_open_input(&opened, path.c_str(), nullptr, &options);
  av_dict_free(&options);
  check(code, "a video cannot be read");
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
  codec->max_pixels = kMostPixels;
  check(avcodec_parameters_to_context(codec.get(), video->codecpar), "a video cannot be decoded");
  check(avcodec_open2(codec.get(), decoder, nullptr), "a video cannot be decoded");
}

void VideoReader::Stream::seek(double seconds) {
  const auto target = static_cast<int64_t>(std::floor(seconds / av_q2d(video->time_base)));
  before.time.reset();
  latest.time.reset();
  ended = false;
  const int code = av_seek_frame(format.get(), video->index, target, AVSEEK_FLAG_BACKWARD);
  if (code < 0)
    check(av_seek_frame(format.get(), video->index, 0, AVSEEK_FLAG_BACKWARD), "a video cannot be sought in");
  avcodec_flush_buffers(codec.get());
}

void VideoReader::Stream::take_spare() {
  const int64_t ticks = spare.frame->best_effort_timestamp;
  if (ticks == AV_NOPTS_VALUE) check(AVERROR_INVALIDDATA, "a video's frames carry no times");
  spare.time = static_cast<double>(ticks) * av_q2d(video->time_base);
  std::swap(before, latest);
  std::swap(latest, spare);
}

// At the video's end the last frame stays the latest.
void VideoReader::Stream::decode_next() {
  while (true) {
    const int received = avcodec_receive_frame(codec.get(), spare.frame.get());
    if (received >= 0) return take_spare();
    if (received == AVERROR_EOF) {
      ended = true;
      return;
    }
    if (received != AVERROR(EAGAIN)) check(received, "a video cannot be decoded");
    const bool more = av_read_frame(format.get(), packet.get()) >= 0;
    const bool ours = more && packet->stream_index == video->index;
    const int sent = ours || !more ? avcodec_send_packet(codec.get(), more ? packet.get() : nullptr) : 0;
    av_packet_unref(packet.get());
    check(sent, "a video cannot be decoded");
  }
}

// Decodes on from a key frame before some time. The frames right before a key frame in time may follow it in the file,
// and need what is before it: where one begins behind the time, an earlier one is taken.
void VideoReader::Stream::seek_to_decode(double seconds) {
  for (double earlier = 0;; earlier = 2 * earlier + 1) {
    seek(std::max(0.0, seconds - earlier));
    decode_next();
    if (ended || earlier >= seconds || latest.is_until(seconds)) return;
  }
}

const TimedFrame& VideoReader::Stream::nearest_to(double seconds) {
  const bool behind = before.time ? seconds < *before.time : latest.time && seconds < *latest.time;
  if (!latest.time || behind || seconds > *latest.time + kSeekBeyond) seek_to_decode(seconds);
  while (!ended && !latest.is_from(seconds)) decode_next();
  if (!before.time || !latest.time) return latest;
  return seconds - *before.time < *latest.time - seconds ? before : latest;
}

// As PyAV and torchcodec convert, to the same pixels; finer ways of the scaler take three times as long.
void VideoReader::Stream::prepare_scaler(const AVFrame& frame) {
  const Colours now{frame.width, frame.height, frame.format, frame.colorspace, frame.color_range};
  if (scaler && now == scaled) return;
  scaled = now;
  scaler.reset(sws_getContext(frame.width, frame.height, static_cast<AVPixelFormat>(frame.format), frame.width,
                              frame.height, AV_PIX_FMT_RGB24, SWS_BILINEAR, nullptr, nullptr, nullptr));
  if (!scaler) check(AVERROR(ENOMEM), "a video frame cannot be converted");
  const bool known = frame.colorspace != AVCOL_SPC_UNSPECIFIED && frame.colorspace != AVCOL_SPC_RGB;
  const int* from = sws_getCoefficients(known ? frame.colorspace : SWS_CS_DEFAULT);
  const int full = frame.color_range == AVCOL_RANGE_JPEG;
  sws_setColorspaceDetails(scaler.get(), from, full, sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
}

Image VideoReader::Stream::picture(const AVFrame& frame) {
  prepare_scaler(frame);
  const int rows = frame.height, columns = frame.width;
  const auto row_bytes = static_cast<size_t>(columns) * 3;
  const size_t stride = row_bytes + (columns % kScalersColumns == 0 ? 0 : size_t{3} * kScalersColumns);
  wide.resize(static_cast<size_t>(rows) * stride);
  uint8_t* planes[] = {wide.data()};
  const int strides[] = {static_cast<int>(stride)};
  sws_scale(scaler.get(), frame.data, frame.linesize, 0, rows, planes, strides);
  if (stride == row_bytes) return {rows, columns, wide};  // a copy costs less than filling it with zeros before
  Image image{rows, columns, {}};
  for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
    const auto begin = wide.begin() + static_cast<std::ptrdiff_t>(row * stride);
    image.pixels.insert(image.pixels.end(), begin, begin + static_cast<std::ptrdiff_t>(row_bytes));
  }
  return image;
}

VideoReader::VideoReader(const std::string& path) {
  const FfmpegSilence silence;  // what goes wrong is thrown
  stream_ = std::make_unique<Stream>(path);
}

VideoReader::~VideoReader() = default;

Image VideoReader::read(double seconds, double tolerance) {
  const FfmpegSilence silence;
  const TimedFrame& found = stream_->nearest_to(seconds);
  if (found.time && std::abs(*found.time - seconds) <= tolerance) return stream_->picture(*found.frame);
  throw FormatError({"a video has no frame at this time", stream_->path,
                     found.time ? "the nearest at " + std::to_string(*found.time) + " s" : "no frame",
                     "one within " + std::to_string(tolerance) + " s of " + std::to_string(seconds) + " s",
                     "make it or download it again"});
}

}  // namespace physgen
