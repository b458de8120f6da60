#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include <mutex>
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

/// Keeps FFmpeg from printing while one of these lives, in any thread: its level is the process's.
class FfmpegSilence {
 public:
  FfmpegSilence() {
    const std::lock_guard lock(mutex_);
    if (living_++ > 0) return;
    before_ = av_log_get_level();
    av_log_set_level(AV_LOG_QUIET);
  }
  ~FfmpegSilence() {
    const std::lock_guard lock(mutex_);
    if (--living_ == 0) av_log_set_level(before_);
  }
  FfmpegSilence(const FfmpegSilence&) = delete;
  FfmpegSilence& operator=(const FfmpegSilence&) = delete;

 private:
  static inline std::mutex mutex_;
  static inline int living_ = 0;
  static inline int before_ = 0;
};

/// What one of FFmpeg's negative codes means.
inline std::string words_of(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof(text));
  return text;
}

}  // namespace physgen
