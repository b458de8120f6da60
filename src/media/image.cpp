#include <physgen/media/image.h>

#include <png.h>

#include <cerrno>
#include <csetjmp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <physgen/core/error.h>

#include "media/picture_limits.h"

namespace physgen {
namespace {

constexpr uint64_t kMostDeflateRatio = 1032;  // of zlib, by its own documentation

[[noreturn]] void fail_to_read(const std::string& path, const std::string& got) {
  throw FormatError({"a PNG cannot be read", path, got, "a whole PNG file", "make it or download it again"});
}

std::vector<uint8_t> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) fail_to_read(path, std::strerror(file ? EISDIR : errno));
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A PNG in memory as libpng reads it. What goes wrong is in `problem`: libpng jumps out of its functions then, so that
/// what has a destructor is not in their way.
class PngFile {
 public:
  explicit PngFile(std::span<const uint8_t> bytes) : bytes_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, ignore);
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
  }
  ~PngFile() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngFile(const PngFile&) = delete;
  PngFile& operator=(const PngFile&) = delete;

  /// False where it is no PNG.
  bool read_header() {
    if (!info_ || setjmp(png_jmpbuf(png_))) return false;
    png_set_read_fn(png_, this, give);
    png_set_user_limits(png_, kMostPixelsPerSide, kMostPixelsPerSide);
    png_read_info(png_, info_);
    return true;
  }

  /// Three bytes a pixel: the file's own samples, whatever it says of gamma and profiles. Those of 16 bits by their
  /// high byte, palettes and gray expanded, alpha dropped, as PIL and OpenCV do. False where it is damaged.
  bool read_samples(uint8_t* pixels) {
    if (setjmp(png_jmpbuf(png_))) return false;
    png_set_strip_16(png_);
    png_set_palette_to_rgb(png_);
    png_set_expand_gray_1_2_4_to_8(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    const int passes = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    const size_t stride = png_get_rowbytes(png_, info_);
    if (stride != size_t{3} * width()) png_error(png_, "its rows are not of RGB");
    for (int pass = 0; pass < passes; ++pass) {
      for (uint32_t row = 0; row < height(); ++row) png_read_row(png_, pixels + row * stride, nullptr);
    }
    png_read_end(png_, nullptr);
    return true;
  }

  uint32_t height() const { return png_get_image_height(png_, info_); }
  uint32_t width() const { return png_get_image_width(png_, info_); }
  const char* problem() const { return problem_; }

 private:
  static void give(png_structp png, png_bytep to, size_t count) {
    auto* self = static_cast<PngFile*>(png_get_io_ptr(png));
    if (count > self->bytes_.size() - self->at_) png_error(png, "it ends too early");
    std::memcpy(to, self->bytes_.data() + self->at_, count);
    self->at_ += count;
  }
  static void fail(png_structp png, const char* message) {
    auto* self = static_cast<PngFile*>(png_get_error_ptr(png));
    std::strncpy(self->problem_, message, sizeof(self->problem_) - 1);
    png_longjmp(png, 1);
  }
  static void ignore(png_structp, const char*) {}

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char problem_[128] = "there is no memory for it";
};

/// Throws unless the file is large enough for the picture it claims to hold.
void check_claim(const std::string& path, const PngFile& png, size_t file_size) {
  const uint64_t pixels = uint64_t{png.width()} * png.height();
  if (pixels <= kMostPixels && pixels / 8 <= file_size * kMostDeflateRatio) return;
  fail_to_read(path, std::to_string(png.width()) + " x " + std::to_string(png.height()) + " pixels claimed by " +
                         std::to_string(file_size) + " bytes");
}

}  // namespace

void require_whole(const Image& image, const std::string& name) {
  const bool sized =
      image.height >= 1 && image.width >= 1 && image.height <= kMostPixelsPerSide && image.width <= kMostPixelsPerSide;
  if (sized && image.pixels.size() == static_cast<size_t>(image.height * image.width * 3)) return;
  throw Error({"a picture's size and pixels disagree", name,
               std::to_string(image.height) + " x " + std::to_string(image.width) + " with " +
                   std::to_string(image.pixels.size()) + " bytes",
               "height x width x 3 bytes, 1 to " + std::to_string(kMostPixelsPerSide) + " pixels a side", ""});
}

std::vector<uint8_t> encode_png(const Image& image, const std::string& name) {
  require_whole(image, name);
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<uint32_t>(image.width);
  png.height = static_cast<uint32_t>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::vector<uint8_t> bytes(size);
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr)) {
    throw Error({"a picture cannot be encoded as PNG", name, png.message, "an RGB picture", "report this"});
  }
  bytes.resize(size);
  return bytes;
}

void write_png(const std::string& path, const Image& image) {
  const std::vector<uint8_t> bytes = encode_png(image, path);
  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file || std::rename(partial.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    std::remove(partial.c_str());
    throw Error(
        {"a picture cannot be written", path, reason, "a writable place", "check the folder and its free space"});
  }
}

PictureSize png_size(std::span<const uint8_t> bytes, const std::string& name) {
  PngFile png(bytes);
  if (!png.read_header()) fail_to_read(name, png.problem());
  return {png.height(), png.width()};
}

Image decode_png(std::span<const uint8_t> bytes, const std::string& name) {
  PngFile png(bytes);
  if (!png.read_header()) fail_to_read(name, png.problem());
  check_claim(name, png, bytes.size());
  Image image{png.height(), png.width(), std::vector<uint8_t>(size_t{3} * png.width() * png.height())};
  if (!png.read_samples(image.pixels.data())) fail_to_read(name, png.problem());
  return image;
}

Image read_png(const std::string& path) { return decode_png(read_bytes(path), path); }

}  // namespace physgen
