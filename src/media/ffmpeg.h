#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include <string>

namespace physgen {

constexpr int kSilent = 64;  ///< shifts FFmpeg's own messages below what it prints

struct FreeCodec {
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
};
struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeScaler {
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};

/// Sets how much FFmpeg prints, for as long as this lives.
class FfmpegLog {
 public:
  explicit FfmpegLog(int level) : before_(av_log_get_level()) { av_log_set_level(level); }
  ~FfmpegLog() { av_log_set_level(before_); }
  FfmpegLog(const FfmpegLog&) = delete;
  FfmpegLog& operator=(const FfmpegLog&) = delete;

 private:
  int before_;
};

/// What one of FFmpeg's negative codes means.
inline std::string words_of(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof(text));
  return text;
}

}  // namespace physgen
