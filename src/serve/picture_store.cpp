#include "picture_store.h"

#include <unistd.h>

#include <string>

#include "physgen/core/error.h"

namespace physgen {
namespace {

Error failure(const std::string& what) {
  return Error({.what = what, .where = "--record", .got = "", .expected = "", .next_step = "check its free space"});
}

}  // namespace

PictureStore::PictureStore(const std::filesystem::path& folder) {
  std::string path = (folder / "pictures-XXXXXX").string();
  const int descriptor = ::mkstemp(path.data());
  if (descriptor < 0) throw failure("the folder of recordings cannot be written to");
  ::close(descriptor);
  file_.open(path, std::ios::in | std::ios::out | std::ios::binary | std::ios::trunc);
  std::filesystem::remove(path);
  if (!file_) throw failure("the folder of recordings cannot be written to");
}

size_t PictureStore::add(const Image& picture) {
  const std::vector<uint8_t> png = encode_png(picture, "a recorded picture");
  const std::lock_guard lock(mutex_);
  file_.seekp(end_);
  file_.write(reinterpret_cast<const char*>(png.data()), std::ssize(png));
  if (!file_) throw failure("a recorded picture cannot be written");
  places_.push_back({end_, std::ssize(png)});
  end_ += std::ssize(png);
  return places_.size() - 1;
}

Image PictureStore::read(size_t number) const {
  const std::lock_guard lock(mutex_);
  const Place place = places_.at(number);
  std::vector<uint8_t> png(static_cast<size_t>(place.size));
  file_.seekg(place.begin);
  file_.read(reinterpret_cast<char*>(png.data()), place.size);
  if (!file_) throw failure("a recorded picture cannot be read");
  return decode_png(png, "a recorded picture");
}

}  // namespace physgen
