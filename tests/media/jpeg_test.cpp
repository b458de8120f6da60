#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <cstdlib>

#include <physgen/media/image.h>

#include "support/problem_of.h"

namespace physgen {
namespace {

std::vector<uint8_t> jpeg_of(const std::vector<uint8_t>& pixels, int width, int height, int format, int subsampling) {
  const tjhandle encoder = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(encoder, pixels.data(), width, 0, height, format, &bytes, &size, subsampling, 95, 0), 0);
  std::vector<uint8_t> copy(bytes, bytes + size);
  tjFree(bytes);
  tjDestroy(encoder);
  return copy;
}

// Soft colours, which JPEG keeps.
std::vector<uint8_t> gradient(int width, int height, int channels) {
  std::vector<uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) pixels.push_back(static_cast<uint8_t>(40 + 2 * x + 3 * y + 20 * c));
    }
  }
  return pixels;
}

TEST(Jpeg, ColoursAreThoseThatWereWritten) {
  const std::vector<uint8_t> pixels = gradient(24, 17, 3);
  for (const int subsampling : {TJSAMP_444, TJSAMP_420}) {
    const Image image = decode_picture(jpeg_of(pixels, 24, 17, TJPF_RGB, subsampling), "a");
    ASSERT_EQ(image.height, 17);
    ASSERT_EQ(image.width, 24);
    for (size_t i = 0; i < pixels.size(); ++i) ASSERT_LE(std::abs(image.pixels[i] - pixels[i]), 6) << i;
  }
}

TEST(Jpeg, GreyIsExpanded) {
  const std::vector<uint8_t> pixels = gradient(8, 8, 1);
  const Image image = decode_jpeg(jpeg_of(pixels, 8, 8, TJPF_GRAY, TJSAMP_GRAY), "a");
  ASSERT_EQ(image.pixels.size(), 3 * pixels.size());
  for (size_t i = 0; i < image.pixels.size(); ++i) ASSERT_LE(std::abs(image.pixels[i] - pixels[i / 3]), 3) << i;
}

TEST(Jpeg, CmykAndDamageAreRefused) {
  const auto problem = [](const std::vector<uint8_t>& bytes) {
    return problem_of<FormatError>([&] { decode_picture(bytes, "episode 3, frame 5"); });
  };
  EXPECT_EQ(problem(jpeg_of(gradient(8, 8, 4), 8, 8, TJPF_CMYK, TJSAMP_444)).got, "CMYK, which is made for printing");
  std::vector<uint8_t> bytes = jpeg_of(gradient(64, 64, 3), 64, 64, TJPF_RGB, TJSAMP_444);
  EXPECT_NO_THROW(decode_picture(bytes, "whole"));
  bytes.resize(bytes.size() / 2);
  EXPECT_EQ(problem(bytes).what, "a JPEG cannot be read");
  EXPECT_EQ(problem(bytes).where, "episode 3, frame 5");
  EXPECT_EQ(problem({0xff, 0xd8, 0xff}).what, "a JPEG cannot be read");
}

}  // namespace
}  // namespace physgen
