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

/// Writes one row of samples as they are, with libpng's own functions.
void write_samples(const std::string& path, int depth, int color, uint32_t width, std::vector<uint8_t> row,
                   double gamma, bool interlaced = false) {
  FILE* file = std::fopen(path.c_str(), "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, width, 1, depth, color, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  const png_color palette[] = {{1, 2, 3}, {40, 50, 60}};
  if (color == PNG_COLOR_TYPE_PALETTE) {
    png_set_PLTE(png, info, palette, 2);
    const uint8_t opacity[] = {0, 128};
    png_set_tRNS(png, info, opacity, 2, nullptr);
  }
  if (gamma > 0) png_set_gAMA(png, info, gamma);
  if (gamma < 0) png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_write_info(png, info);
  for (int pass = 0; pass < png_set_interlace_handling(png); ++pass) png_write_row(png, row.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

// As PIL and OpenCV read them: gamma, sRGB and profiles change nothing, 16 bits are cut to the high byte.
TEST_F(ImageTest, PixelsAreTheFilesOwnSamples) {
  for (const double gamma : {0.0, 1.0, 0.45455, 0.1, -1.0}) {
    write_samples(path_, 8, PNG_COLOR_TYPE_RGB, 2, {10, 20, 30, 200, 210, 220}, gamma);
    EXPECT_EQ(read_png(path_), (Image{1, 2, {10, 20, 30, 200, 210, 220}})) << gamma;
    write_samples(path_, 16, PNG_COLOR_TYPE_RGB, 1, {10, 255, 20, 128, 30, 0}, gamma);
    EXPECT_EQ(read_png(path_), (Image{1, 1, {10, 20, 30}})) << gamma;
    write_samples(path_, 16, PNG_COLOR_TYPE_RGB_ALPHA, 1, {10, 255, 20, 128, 30, 0, 7, 7}, gamma);
    EXPECT_EQ(read_png(path_), (Image{1, 1, {10, 20, 30}})) << gamma;
    write_samples(path_, 8, PNG_COLOR_TYPE_GRAY_ALPHA, 2, {10, 0, 200, 128}, gamma);
    EXPECT_EQ(read_png(path_), (Image{1, 2, {10, 10, 10, 200, 200, 200}})) << gamma;
  }
  write_samples(path_, 1, PNG_COLOR_TYPE_PALETTE, 2, {0x40}, 0);
  EXPECT_EQ(read_png(path_), (Image{1, 2, {1, 2, 3, 40, 50, 60}}));
  write_samples(path_, 1, PNG_COLOR_TYPE_GRAY, 2, {0x40}, 0);
  EXPECT_EQ(read_png(path_), (Image{1, 2, {0, 0, 0, 255, 255, 255}}));
  write_samples(path_, 4, PNG_COLOR_TYPE_GRAY, 2, {0x3f}, 0);
  EXPECT_EQ(read_png(path_), (Image{1, 2, {51, 51, 51, 255, 255, 255}}));
  const std::vector<uint8_t> row = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  write_samples(path_, 8, PNG_COLOR_TYPE_RGB, 5, row, 0, /*interlaced=*/true);
  EXPECT_EQ(read_png(path_), (Image{1, 5, row}));
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
