#include "formats/hdf5_file.h"

#include <algorithm>

#include <physgen/core/error.h>

#include "formats/hdf5_driver.h"

namespace physgen {
namespace {

/// "a/b/c" as "a", "a/b", "a/b/c".
std::vector<std::string> prefixes_of(const std::string& object) {
  std::vector<std::string> paths;
  for (size_t end = object.find('/'); end != std::string::npos; end = object.find('/', end + 1)) {
    paths.push_back(object.substr(0, end));
  }
  paths.push_back(object);
  return paths;
}

bool is_hard_link(hid_t file, const std::string& path) {
  H5L_info_t link;
  return H5Lexists(file, path.c_str(), H5P_DEFAULT) > 0 && H5Lget_info(file, path.c_str(), &link, H5P_DEFAULT) >= 0 &&
         link.type == H5L_TYPE_HARD;
}

bool is_object(hid_t file, const std::string& path, H5I_type_t type) {
  const Hdf5Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT), H5Oclose);
  return object && H5Iget_type(object.get()) == type;
}

}  // namespace

Hdf5File::Hdf5File(const std::string& path) : path_(path), bytes_(std::make_shared<ByteFile>(path)) {
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

std::vector<std::string> Hdf5File::children(const std::string& group) const {
  const Hdf5Lock lock;
  std::vector<std::string> names;
  if (group != "/" && (!exists(group) || !is_object(handle_.get(), group, H5I_GROUP))) return names;
  const Hdf5Handle opened(H5Gopen2(handle_.get(), group.c_str(), H5P_DEFAULT), H5Gclose);
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
  const auto paths = prefixes_of(object);
  return std::all_of(paths.begin(), paths.end(), [&](const auto& path) { return is_hard_link(handle_.get(), path); });
}

bool Hdf5File::has_attribute(const std::string& object, const std::string& name) const {
  const Hdf5Lock lock;
  return exists(object) && H5Aexists_by_name(handle_.get(), object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

Hdf5Dataset Hdf5File::open(const std::string& object, Hdf5Numbers numbers, int rank) const {
  const Hdf5Lock lock;
  const std::string where = path_ + ":" + object;
  Hdf5Handle dataset;
  if (exists(object) && is_object(handle_.get(), object, H5I_DATASET)) {
    dataset = Hdf5Handle(H5Dopen2(handle_.get(), object.c_str(), H5P_DEFAULT), H5Dclose);
  }
  if (!dataset) {
    throw FormatError({"a dataset is missing", where, exists(object) ? "something else" : "nothing of that name",
                       "a dataset of rank " + std::to_string(rank), "make the demonstrations again with it"});
  }
  return Hdf5Dataset(std::move(dataset), numbers, rank, bytes_, where);
}

}  // namespace physgen
