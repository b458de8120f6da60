#pragma once

#include <cstdint>

#include <physgen/media/image.h>

namespace physgen {

/// The frames of one camera in one episode. Used by one thread at a time; several readers may work side by side.
class FrameReader {
 public:
  virtual ~FrameReader() = default;

  /// Upright. Frames in ascending order are read fastest. Throws FormatError when there is no such frame.
  virtual Image read(int64_t index) = 0;
};

}  // namespace physgen
