#pragma once

#include <memory>
#include <string>

#include <physgen/media/image.h>

namespace physgen {

/// Reads frames of a video file (MP4, MOV, Matroska, WebM, AVI, MPEG-TS) by their time, in whatever codec FFmpeg
/// decodes (H.264, AV1, …). No other file is opened, whatever this one says.
class VideoReader {
 public:
  /// Throws FormatError for a file that is missing, of another format, or holds no video that can be decoded.
  explicit VideoReader(const std::string& path);
  ~VideoReader();

  /// The frame whose presentation time is nearest to a time. Frames in ascending order are read fastest: others are
  /// sought from the key frame before them.
  /// @param seconds    of the video's own clock, finite and at least 0
  /// @param tolerance  how far from that time the frame may be, seconds
  /// Throws FormatError where the video has no such frame, and where it cannot be decoded.
  Image read(double seconds, double tolerance);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace physgen
