#include <gtest/gtest.h>
#include <png.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include <physgen/core/error.h>
#include <physgen/media/image.h>

namespace physgen {
namespace {

Image pattern(int64_t height, int64_t width) {
  Image image{height, width, {}};
  for (int64_t i = 0; i < height * width * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 7 % 256));
  return image;
}

class ImageTest : public testing::Test {
 protected:
  ImageTest() { std::filesystem::create_directories(folder_); }
  ~ImageTest() override { std::filesystem::remove_all(folder_); }

  std::string read_failure() const {
    try {
      read_png(path_);
    } catch (const FormatError& error) {
      EXPECT_EQ(error.problem().where, path_);
      EXPECT_EQ(error.exit_code(), 1);
      return error.problem().got;
    }
    return "";
  }

  /// Writes with libpng itself, in another format than RGB.
  void write_as(uint32_t format, int64_t height, int64_t width, const std::vector<uint8_t>& pixels,
                const std::vector<uint8_t>& palette = {}) const {
    png_image png = {};
    png.version = PNG_IMAGE_VERSION;
    png.height = static_cast<uint32_t>(height);
    png.width = static_cast<uint32_t>(width);
    png.format = format;
    png.colormap_entries = static_cast<uint32_t>(palette.size() / 3);
    ASSERT_TRUE(png_image_write_to_file(&png, path_.c_str(), 0, pixels.data(), 0, palette.data())) << png.message;
  }

  const std::string folder_ = testing::TempDir() + "image_test_" + std::to_string(getpid());
  const std::string path_ = folder_ + "/picture.png";
};

TEST_F(ImageTest, ReadsBackWhatWasWritten) {
  const Image image = pattern(13, 29);
  write_png(path_, image);
  EXPECT_EQ(read_png(path_), image);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(ImageTest, ReadsGreyPaletteAndAlphaAsRgb) {
  write_as(PNG_FORMAT_GRAY, 1, 2, {10, 200});
  EXPECT_EQ(read_png(path_), (Image{1, 2, {10, 10, 10, 200, 200, 200}}));
  write_as(PNG_FORMAT_RGB_COLORMAP, 1, 2, {1, 0}, {1, 2, 3, 40, 50, 60});
  EXPECT_EQ(read_png(path_), (Image{1, 2, {40, 50, 60, 1, 2, 3}}));
  write_as(PNG_FORMAT_RGBA, 1, 2, {9, 8, 7, 0, 1, 2, 3, 128});
  EXPECT_EQ(read_png(path_), (Image{1, 2, {9, 8, 7, 1, 2, 3}}));
}

TEST_F(ImageTest, RefusesFilesThatAreNoWholePng) {
  EXPECT_EQ(read_failure(), "No such file or directory");
  write_png(path_, pattern(64, 64));
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  EXPECT_NE(read_failure(), "");
  std::ofstream(path_) << "not a picture";
  EXPECT_NE(read_failure(), "");
  std::filesystem::resize_file(path_, 0);
  EXPECT_NE(read_failure(), "");
}

TEST_F(ImageTest, RefusesAClaimOfMorePixelsThanTheFileCanHold) {
  write_png(path_, pattern(2, 2));
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(12);
  std::string header(17, '\0');
  file.read(header.data(), 17);
  header[6] = header[10] = '\x30';  // the high byte of the size: 0x3002 = 12290
  file.seekp(12);
  file.write(header.data(), 17);
  const uint32_t sum = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(header.data()), 17));
  for (int shift = 24; shift >= 0; shift -= 8) file.put(static_cast<char>(sum >> shift));
  file.close();
  EXPECT_NE(read_failure().find("claimed by"), std::string::npos);
}

TEST_F(ImageTest, RefusesToWriteAPictureWhosePixelsAreMissing) {
  EXPECT_THROW(write_png(path_, Image{2, 2, {1, 2, 3}}), Error);
  EXPECT_THROW(write_png(path_, Image{}), Error);
  EXPECT_THROW(write_png(folder_ + "/missing/picture.png", pattern(2, 2)), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace physgen
