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

}  // namespace

Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name) {
  const Decoder decoder(tjInitDecompress());
  const auto size = static_cast<unsigned long>(bytes.size());
  const auto check = [&](int code) {
    if (code != 0 && tjGetErrorCode(decoder.get()) == TJERR_FATAL)
      refuse(name, tjGetErrorStr2(decoder.get()), "a whole JPEG file");
  };
  int width = 0, height = 0, subsampling = 0, colors = 0;
  check(tjDecompressHeader3(decoder.get(), bytes.data(), size, &width, &height, &subsampling, &colors));
  if (width < 1 || height < 1) refuse(name, tjGetErrorStr2(decoder.get()), "a whole JPEG file");
  if (colors == TJCS_CMYK || colors == TJCS_YCCK) refuse(name, "CMYK, which is made for printing", "RGB or grey");
  constexpr int kMostSide = kMostPixelsPerSide;
  if (width > kMostSide || height > kMostSide || static_cast<uint64_t>(int64_t{width} * height) > kMostPixels) {
    refuse(name, std::to_string(width) + " x " + std::to_string(height) + " pixels", "fewer");
  }
  Image image{height, width,
              std::vector<uint8_t>(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height))};
  const int code = tjDecompress2(decoder.get(), bytes.data(), size, image.pixels.data(), width, 0, height, TJPF_RGB, 0);
  if (code != 0)
    refuse(name, tjGetErrorStr2(decoder.get()), "a whole JPEG file");  // a part that is missing is gray else
  return image;
}

Image decode_picture(std::span<const uint8_t> bytes, const std::string& name) {
  const bool jpeg = bytes.size() >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
  if (jpeg) return decode_jpeg(bytes, name);
  constexpr std::string_view kPng = "\x89PNG";
  if (std::ranges::equal(bytes.first(std::min(bytes.size(), kPng.size())), kPng, {}, {},
                         [](char c) { return static_cast<uint8_t>(c); })) {
    return decode_png(bytes, name);
  }
  throw FormatError({"a picture cannot be read", name, "neither a PNG nor a JPEG file", "a whole one of them",
                     "write the data set again, with its pictures as PNG"});
}

}  // namespace physgen
