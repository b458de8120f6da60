#include <turbojpeg.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include <physgen/core/error.h>
#include <physgen/media/image.h>

#include "media/picture_limits.h"

namespace physgen {
namespace {

struct Destroy {
  void operator()(void* decoder) const { tjDestroy(decoder); }
};
using Decoder = std::unique_ptr<void, Destroy>;

[[noreturn]] void refuse(const std::string& name, const std::string& got, const std::string& expected) {
  throw FormatError({"a JPEG cannot be read", name, got, expected, "make it or download it again"});
}

bool is_jpeg(std::span<const uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

bool is_png(std::span<const uint8_t> bytes) {
  constexpr std::string_view kPng = "\x89PNG";
  return std::ranges::equal(bytes.first(std::min(bytes.size(), kPng.size())), kPng, {}, {},
                            [](char c) { return static_cast<uint8_t>(c); });
}

[[noreturn]] void refuse_format(const std::string& name) {
  throw FormatError({"a picture cannot be read", name, "neither a PNG nor a JPEG file", "a whole one of them",
                     "write it again, as PNG"});
}

/// A JPEG file in memory as libjpeg reads it.
class JpegFile {
 public:
  /// Throws FormatError for one without a header, of printing colours, and of more pixels than a picture may have.
  JpegFile(std::span<const uint8_t> bytes, const std::string& name) : bytes_(bytes), name_(name) {
    int subsampling = 0, colors = 0;
    const int code =
        tjDecompressHeader3(decoder_.get(), bytes.data(), size(), &width_, &height_, &subsampling, &colors);
    const bool fatal = code != 0 && tjGetErrorCode(decoder_.get()) == TJERR_FATAL;
    if (fatal || width_ < 1 || height_ < 1) refuse(name, tjGetErrorStr2(decoder_.get()), "a whole JPEG file");
    if (colors == TJCS_CMYK || colors == TJCS_YCCK) refuse(name, "CMYK, which is made for printing", "RGB or grey");
    constexpr int kMostSide = kMostPixelsPerSide;
    if (width_ > kMostSide || height_ > kMostSide || static_cast<uint64_t>(int64_t{width_} * height_) > kMostPixels) {
      refuse(name, std::to_string(width_) + " x " + std::to_string(height_) + " pixels", "fewer");
    }
  }

  PictureSize picture_size() const { return {height_, width_}; }

  Image decode() const {
    const size_t count = size_t{3} * static_cast<size_t>(width_) * static_cast<size_t>(height_);
    Image image{height_, width_, std::vector<uint8_t>(count)};
    const int code =
        tjDecompress2(decoder_.get(), bytes_.data(), size(), image.pixels.data(), width_, 0, height_, TJPF_RGB,
                      TJFLAG_LIMITSCANS);  // a progressive one may be made to take minutes
    // A part that is missing would be grey.
    if (code != 0) refuse(name_, tjGetErrorStr2(decoder_.get()), "a whole JPEG file");
    return image;
  }

 private:
  unsigned long size() const { return static_cast<unsigned long>(bytes_.size()); }

  std::span<const uint8_t> bytes_;
  std::string name_;
  Decoder decoder_{tjInitDecompress()};
  int width_ = 0, height_ = 0;
};

}  // namespace

Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name) { return JpegFile(bytes, name).decode(); }

PictureSize picture_size(std::span<const uint8_t> bytes, const std::string& name) {
  if (is_jpeg(bytes)) return JpegFile(bytes, name).picture_size();
  if (is_png(bytes)) return png_size(bytes, name);
  refuse_format(name);
}

Image decode_picture(std::span<const uint8_t> bytes, const std::string& name) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, name);
  if (is_png(bytes)) return decode_png(bytes, name);
  refuse_format(name);
}

}  // namespace physgen
