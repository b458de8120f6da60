#pragma once

#include <memory>
#include <string>

#include <physgen/media/image.h>

namespace physgen {

/// Reads frames of a video file by their time, in whatever codec FFmpeg decodes (H.264, AV1, …).
class VideoReader {
 public:
  /// Throws FormatError for a file that is missing or holds no video that can be decoded.
  explicit VideoReader(const std::string& path);
  ~VideoReader();

  /// The frame that is shown at a time, to half a frame. Frames in ascending order are read fastest: others are sought
  /// from the key frame before them.
  /// @param seconds  from the video's beginning
  /// Throws FormatError where the video has no frame then, and where it cannot be decoded.
  Image read(double seconds);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace physgen
