#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <physgen/media/image.h>

namespace physgen {

/// Writes an MP4 (H.264, yuv420p, the index in front) that browsers play. The file appears whole under its name on
/// `close`; until then it has the ending ".partial". Odd sizes are padded to even ones by repeating the last row and
/// column.
class VideoWriter {
 public:
  /// @param frames_per_second  up to 1000, exact to six digits
  /// Throws ConfigError for a size below 1 and a rate that is not positive, Error when the file cannot be made or there
  /// is no H.264 encoder.
  VideoWriter(const std::string& path, int64_t height, int64_t width, double frames_per_second);
  /// Without `close` nothing is left behind.
  ~VideoWriter();

  /// Appends one frame of the writer's size. Throws Error when it cannot be written.
  void add(const Image& frame);
  /// Finishes the file. Throws Error when it cannot be written, and when no frame was added.
  void close();

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace physgen
