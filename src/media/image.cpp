#include <physgen/media/image.h>

#include <png.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include <physgen/core/error.h>

namespace physgen {
namespace {

constexpr uint32_t kMostPixelsPerSide = 32768;
constexpr uint64_t kMostPixels = uint64_t{1} << 28;
constexpr uint64_t kMostDeflateRatio = 1032;  // of zlib, by its own documentation

/// libpng's simplified interface, freed whatever happens.
using Png = std::unique_ptr<png_image, decltype(&png_image_free)>;

void check_picture(const std::string& path, const Image& image) {
  const bool sized =
      image.height >= 1 && image.width >= 1 && image.height <= kMostPixelsPerSide && image.width <= kMostPixelsPerSide;
  if (sized && image.pixels.size() == static_cast<size_t>(image.height * image.width * 3)) return;
  throw Error({"a picture's size and pixels disagree", path,
               std::to_string(image.height) + " x " + std::to_string(image.width) + " with " +
                   std::to_string(image.pixels.size()) + " bytes",
               "height x width x 3 bytes, 1 to " + std::to_string(kMostPixelsPerSide) + " pixels a side", ""});
}

[[noreturn]] void fail_to_read(const std::string& path, const std::string& got) {
  throw FormatError({"a PNG cannot be read", path, got, "a whole PNG file", "make it or download it again"});
}

std::vector<uint8_t> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) fail_to_read(path, std::strerror(file ? EISDIR : errno));
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Throws unless the file is large enough for the picture it claims to hold.
void check_claim(const std::string& path, const png_image& png, size_t file_size) {
  const uint64_t pixels = uint64_t{png.width} * png.height;
  if (png.width <= kMostPixelsPerSide && png.height <= kMostPixelsPerSide && pixels <= kMostPixels &&
      pixels / 8 <= file_size * kMostDeflateRatio) {
    return;
  }
  fail_to_read(path, std::to_string(png.width) + " x " + std::to_string(png.height) + " pixels claimed by " +
                         std::to_string(file_size) + " bytes");
}

Image drop_alpha(const png_image& png, const std::vector<uint8_t>& rgba) {
  Image image{png.height, png.width, {}};
  image.pixels.reserve(rgba.size() / 4 * 3);
  for (size_t i = 0; i < rgba.size(); i += 4) image.pixels.insert(image.pixels.end(), &rgba[i], &rgba[i] + 3);
  return image;
}

}  // namespace

std::vector<uint8_t> encode_png(const Image& image, const std::string& name) {
  check_picture(name, image);
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

Image decode_png(std::span<const uint8_t> bytes, const std::string& name) {
  png_image store = {};
  store.version = PNG_IMAGE_VERSION;
  const Png png(&store, png_image_free);
  if (!png_image_begin_read_from_memory(png.get(), bytes.data(), bytes.size())) fail_to_read(name, png->message);
  check_claim(name, *png, bytes.size());
  png->format = PNG_FORMAT_RGBA;
  std::vector<uint8_t> rgba(PNG_IMAGE_SIZE(*png));
  if (!png_image_finish_read(png.get(), nullptr, rgba.data(), 0, nullptr)) fail_to_read(name, png->message);
  return drop_alpha(*png, rgba);
}

Image read_png(const std::string& path) { return decode_png(read_bytes(path), path); }

}  // namespace physgen
