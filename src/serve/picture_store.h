#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>

#include "physgen/media/image.h"

namespace physgen {

/// Pictures that lie on the disk without a name: they are gone with the object. Safe to use from several threads.
class PictureStore {
 public:
  /// Throws Error where the folder cannot be written to.
  explicit PictureStore(const std::filesystem::path& folder);

  /// As PNG. @return its number. Throws Error where the disk is full.
  size_t add(const Image& picture);
  Image read(size_t number) const;

 private:
  struct Place {
    int64_t begin = 0, size = 0;  // bytes
  };

  mutable std::mutex mutex_;
  mutable std::fstream file_;
  std::vector<Place> places_;
  int64_t end_ = 0;
};

}  // namespace physgen
