#include "formats/hdf5_file.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <physgen/core/error.h>

#include "core/foreign_file.h"
#include "core/quote.h"
#include "formats/hdf5_driver.h"

namespace physgen {
namespace {

constexpr int kMostLinks = 16;

/// The names of a path: none of "/", two of "/a/b".
std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names;
  std::stringstream stream(path);
  for (std::string name; std::getline(stream, name, '/');) {
    if (!name.empty() && name != ".") names.push_back(name);
  }
  return names;
}

std::string join(const std::vector<std::string>& names, size_t first, size_t last) {
  std::string path;
  for (size_t i = first; i < last; ++i) path += (path.empty() ? "" : "/") + names[i];
  return path;
}

}  // namespace

Hdf5File::Hdf5File(const std::string& path) : path_(path), bytes_(std::make_shared<ByteFile>(path)) {
  refuse_foreign_file(path);
  const Hdf5Lock lock;
  if (H5Fis_hdf5(path.c_str()) <= 0) {
    throw FormatError({"a file is not HDF5", path, "another format, or one cut off at the start", "an HDF5 file (.h5)",
                       "name ManiSkill's or LIBERO's demonstrations, or download the file again"});
  }
  const Hdf5Handle access(make_bounded_access(), H5Pclose);
  handle_ = Hdf5Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!handle_) {
    throw FormatError(
        {"an HDF5 file cannot be opened", path, hdf5_words(), "a whole HDF5 file", "make it or download it again"});
  }
}

// The value of a soft link is a path, that of an external one a file and a path in it.
Hdf5File::Place Hdf5File::target_of(const std::string& link, size_t value_size, bool external) const {
  std::string value(value_size + 1, '\0');
  const std::string where = path_ + ":" + escaped(link);
  const auto check = [&](herr_t code) {
    if (code >= 0) return;
    throw FormatError({"a link cannot be read", where, hdf5_words(), "the name of another object",
                       "the file is damaged: make it or download it again"});
  };
  check(H5Lget_val(handle_.get(), link.c_str(), value.data(), value.size(), H5P_DEFAULT));
  if (!external) {
    value.resize(value.find('\0'));
    const size_t slash = link.rfind('/');
    const bool absolute = value.starts_with('/') || slash == std::string::npos;
    return {this, absolute ? value : link.substr(0, slash + 1) + value};
  }
  const char *file = nullptr, *object = nullptr;
  check(H5Lunpack_elink_val(value.data(), value_size, nullptr, &file, &object));
  return {&linked(file, where), object};
}

const Hdf5File& Hdf5File::linked(const std::string& file, const std::string& link) const {
  namespace fs = std::filesystem;
  const fs::path folder = fs::weakly_canonical(fs::absolute(path_)).parent_path();
  const fs::path target = fs::weakly_canonical(folder / file);
  const bool inside = std::ranges::mismatch(folder, target).in1 == folder.end();
  std::error_code unreachable;
  if (!inside || !fs::is_regular_file(target, unreachable)) {
    throw FormatError(
        {inside ? "a file that is linked to is missing" : "a link leads out of the demonstrations' folder", link,
         quote(file), "a file in " + folder.string() + " or below",
         "bring that file there, or copy what it holds into this one"});
  }
  auto& opened = linked_[target.string()];
  if (!opened) opened = std::make_unique<const Hdf5File>(target.string());
  return *opened;
}

std::optional<Hdf5File::Place> Hdf5File::find(const std::string& object, int links) const {
  const std::vector<std::string> names = names_of(object);
  for (size_t i = 1; i <= names.size(); ++i) {
    const std::string path = join(names, 0, i);
    H5L_info_t link;
    const bool there = H5Lexists(handle_.get(), path.c_str(), H5P_DEFAULT) > 0 &&
                       H5Lget_info(handle_.get(), path.c_str(), &link, H5P_DEFAULT) >= 0;
    const bool soft = there && link.type == H5L_TYPE_SOFT, external = there && link.type == H5L_TYPE_EXTERNAL;
    if (there && link.type == H5L_TYPE_HARD) continue;
    if (!soft && !external) return std::nullopt;
    if (links == kMostLinks) {
      throw FormatError({"links lead in a circle", path_ + ":" + escaped(object), "more than " + std::to_string(links),
                         "a link to an object", "remove these links, or download the file again"});
    }
    const Place target = target_of(path, link.u.val_size, external);
    return target.file->find(target.object + "/" + join(names, i, names.size()), links + 1);
  }
  return Place{this, names.empty() ? "/" : join(names, 0, names.size())};
}

bool Hdf5File::is(const std::string& object, H5I_type_t type) const {
  const Hdf5Handle opened(H5Oopen(handle_.get(), object.c_str(), H5P_DEFAULT), H5Oclose);
  return opened && H5Iget_type(opened.get()) == type;
}

std::vector<std::string> Hdf5File::children(const std::string& group) const {
  const Hdf5Lock lock;
  std::vector<std::string> names;
  const std::optional<Place> place = find(group);
  if (!place || !place->file->is(place->object, H5I_GROUP)) return names;
  const Hdf5Handle opened(H5Gopen2(place->file->handle_.get(), place->object.c_str(), H5P_DEFAULT), H5Gclose);
  const auto keep = [](hid_t, const char* name, const H5L_info_t*, void* kept) -> herr_t {
    static_cast<std::vector<std::string>*>(kept)->emplace_back(name);
    return 0;
  };
  // Looking for a name that is not there decodes every link first: where that fails, H5Literate (1.10) frees links that
  // it never read. Native order spares large groups the same fate.
  const bool sound = opened && H5Lexists(opened.get(), "\x01", H5P_DEFAULT) >= 0;
  if (!sound || H5Literate(opened.get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, keep, &names) < 0) {
    throw FormatError({"an HDF5 group cannot be read", path_ + ":" + group, hdf5_words(), "a list of names",
                       "the file is damaged: make it or download it again"});
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool Hdf5File::exists(const std::string& object) const {
  const Hdf5Lock lock;
  return find(object).has_value();
}

bool Hdf5File::has_attribute(const std::string& object, const std::string& name) const {
  const Hdf5Lock lock;
  const std::optional<Place> place = find(object);
  return place && H5Aexists_by_name(place->file->handle_.get(), place->object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

Hdf5Dataset Hdf5File::open(const std::string& object, Hdf5Numbers numbers, int rank) const {
  const Hdf5Lock lock;
  const std::string where = path_ + ":" + object;
  const std::optional<Place> place = find(object);
  if (place && place->file->is(place->object, H5I_DATASET)) {
    const Hdf5File& file = *place->file;
    Hdf5Handle dataset(H5Dopen2(file.handle_.get(), place->object.c_str(), H5P_DEFAULT), H5Dclose);
    if (dataset) return Hdf5Dataset(std::move(dataset), numbers, rank, file.bytes_, where);
  }
  throw FormatError({"a dataset is missing", where, place ? "something else" : "nothing of that name",
                     "a dataset of rank " + std::to_string(rank), "make the demonstrations again with it"});
}

}  // namespace physgen
