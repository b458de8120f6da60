#include "formats/hdf5_library.h"

#include <array>
#include <span>
#include <sstream>
#include <tuple>
#include <utility>

#include "formats/hdf5_driver.h"

namespace physgen {
namespace {

constexpr size_t kMostDatasets = 16;  // open at once in a file

herr_t keep_innermost(unsigned depth, const H5E_error2_t* error, void* text) {
  if (depth == 0 && error->desc) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

[[noreturn]] void fail() {
  std::string words;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &words);
  throw Hdf5Failure(words.empty() ? "HDF5 gives no reason" : words);
}

template <class Code>
Code check(Code code) {
  if (code < 0) fail();
  return code;
}

/// The names of a path: none of "/", two of "/a/b".
std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names;
  std::stringstream stream(path);
  for (std::string name; std::getline(stream, name, '/');) {
    if (!name.empty() && name != ".") names.push_back(name);
  }
  return names;
}

std::string join(std::span<const std::string> names) {
  std::string path;
  for (const std::string& name : names) path += (path.empty() ? "" : "/") + name;
  return path;
}

/// A link that is no hard one.
Hdf5Path path_of_link(hid_t file, const std::string& link, const H5L_info_t& info) {
  if (info.type != H5L_TYPE_SOFT && info.type != H5L_TYPE_EXTERNAL) return {.ends_at = "nothing", .link = link};
  std::string value(info.u.val_size + 1, '\0');
  check(H5Lget_val(file, link.c_str(), value.data(), value.size(), H5P_DEFAULT));
  if (info.type == H5L_TYPE_SOFT) return {.ends_at = "soft", .link = link, .target = value.substr(0, value.find('\0'))};
  const char *other = nullptr, *target = nullptr;
  check(H5Lunpack_elink_val(value.data(), info.u.val_size, nullptr, &other, &target));
  return {.ends_at = "external", .link = link, .file = other, .target = target};
}

/// Bytes of another format before those of HDF5.
uint64_t user_block_of(hid_t file) {
  const Hdf5Handle properties(check(H5Fget_create_plist(file)), H5Pclose);
  hsize_t size = 0;
  check(H5Pget_userblock(properties.get(), &size));
  return size;
}

/// Whether the addresses of chunks are those of the file: since 1.14.4 (HDFGroup/hdf5, pull request 4236).
bool counts_user_block() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return std::tuple(major, minor, release) >= std::tuple(1U, 14U, 4U);
}

std::string numbers_of(hid_t type) {
  const std::pair<hid_t, const char*> known[] = {
      {H5T_IEEE_F32LE, "float32"}, {H5T_IEEE_F64LE, "float64"}, {H5T_STD_U8LE, "uint8"}};
  for (const auto& [other, name] : known) {
    if (H5Tequal(type, other) > 0) return name;
  }
  const auto size = std::to_string(H5Tget_size(type));
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return "integers of " + size + " bytes";
    case H5T_FLOAT:
      return std::string(H5Tget_order(type) == H5T_ORDER_BE ? "big-endian " : "") + "floating point numbers of " +
             size + " bytes";
    case H5T_STRING:
      return "strings";
    case H5T_COMPOUND:
      return "a compound type";
    case H5T_ENUM:
      return "an enumeration";
    default:
      return "values of another type";
  }
}

std::vector<int64_t> shape_of(hid_t dataset) {
  const Hdf5Handle space(check(H5Dget_space(dataset)), H5Sclose);
  std::vector<hsize_t> sides(static_cast<size_t>(check(H5Sget_simple_extent_ndims(space.get()))));
  check(H5Sget_simple_extent_dims(space.get(), sides.data(), nullptr));
  return {sides.begin(), sides.end()};
}

std::vector<Hdf5Filter> filters_of(hid_t properties) {
  std::vector<Hdf5Filter> filters;
  const int count = check(H5Pget_nfilters(properties));
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0;
    size_t values = 0;
    std::array<char, 64> name = {};
    const H5Z_filter_t id = check(H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr,
                                                 name.size() - 1, name.data(), nullptr));
    filters.push_back({id, name.data()});
  }
  return filters;
}

std::string storage_of(hid_t properties) {
  const H5D_layout_t layout = H5Pget_layout(properties);
  if (H5Pget_external_count(properties) > 0) return "elsewhere";
  if (layout == H5D_CHUNKED) return "chunked";
  return layout == H5D_CONTIGUOUS ? "contiguous" : "elsewhere";
}

}  // namespace

Hdf5Library::Hdf5Library() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

int64_t Hdf5Library::open(const std::string& path) {
  const Hdf5Handle access(make_bounded_access(), H5Pclose);
  Hdf5Handle file(check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get())), H5Fclose);
  const uint64_t chunks_begin = counts_user_block() ? 0 : user_block_of(file.get());
  files_[next_] = {.handle = std::move(file), .chunks_begin = chunks_begin};
  return next_++;
}

Hdf5Path Hdf5Library::follow(int64_t file, const std::string& object) {
  const std::vector<std::string> names = names_of(object);
  std::string path;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0 && type_of(file, path) != H5I_GROUP) return {.ends_at = "nothing", .link = path};
    path += (i > 0 ? "/" : "") + names[i];
    if (check(H5Lexists(at(file), path.c_str(), H5P_DEFAULT)) == 0) return {.ends_at = "nothing", .link = path};
    H5L_info_t link;
    check(H5Lget_info(at(file), path.c_str(), &link, H5P_DEFAULT));
    if (link.type == H5L_TYPE_HARD) continue;
    Hdf5Path found = path_of_link(at(file), path, link);
    found.rest = join(std::span(names).subspan(i + 1));
    return found;
  }
  if (path.empty()) return {.ends_at = "group", .link = "/"};
  const H5I_type_t type = type_of(file, path);
  return {.ends_at = type == H5I_GROUP ? "group" : type == H5I_DATASET ? "dataset" : "object", .link = path};
}

H5I_type_t Hdf5Library::type_of(int64_t file, const std::string& object) const {
  const Hdf5Handle opened(check(H5Oopen(at(file), object.c_str(), H5P_DEFAULT)), H5Oclose);
  return H5Iget_type(opened.get());
}

std::vector<std::string> Hdf5Library::children(int64_t file, const std::string& group) {
  const Hdf5Handle opened(check(H5Gopen2(at(file), group.c_str(), H5P_DEFAULT)), H5Gclose);
  std::vector<std::string> names;
  const auto keep = [](hid_t, const char* name, const H5L_info_t*, void* kept) -> herr_t {
    static_cast<std::vector<std::string>*>(kept)->emplace_back(name);
    return 0;
  };
  // Looking for a name that is not there decodes every link first: where that fails, H5Literate (1.10) frees links that
  // it never read. Native order spares large groups the same fate.
  check(H5Lexists(opened.get(), "\x01", H5P_DEFAULT));
  check(H5Literate(opened.get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, keep, &names));
  return names;
}

bool Hdf5Library::has_attribute(int64_t file, const std::string& object, const std::string& name) {
  return check(H5Aexists_by_name(at(file), object.c_str(), name.c_str(), H5P_DEFAULT)) > 0;
}

hid_t Hdf5Library::dataset(int64_t file, const std::string& name) {
  auto& datasets = files_.at(file).datasets;
  const auto known = datasets.find(name);
  if (known != datasets.end()) return known->second.get();
  if (datasets.size() >= kMostDatasets) datasets.clear();
  Hdf5Handle opened(check(H5Dopen2(at(file), name.c_str(), H5P_DEFAULT)), H5Dclose);
  return (datasets[name] = std::move(opened)).get();
}

Hdf5Header Hdf5Library::header(int64_t file, const std::string& name) {
  const hid_t opened = dataset(file, name);
  const Hdf5Handle type(check(H5Dget_type(opened)), H5Tclose);
  const Hdf5Handle properties(check(H5Dget_create_plist(opened)), H5Pclose);
  Hdf5Header header{.numbers = numbers_of(type.get()),
                    .element_size = static_cast<int64_t>(H5Tget_size(type.get())),
                    .shape = shape_of(opened),
                    .storage = storage_of(properties.get()),
                    .stored = H5Dget_storage_size(opened),
                    .filters = filters_of(properties.get())};
  if (header.storage == "contiguous") header.address = H5Dget_offset(opened);
  if (header.storage != "chunked") return header;
  std::vector<hsize_t> sides(header.shape.size());
  check(H5Pget_chunk(properties.get(), static_cast<int>(sides.size()), sides.data()));
  header.chunk.assign(sides.begin(), sides.end());
  return header;
}

Hdf5Chunk Hdf5Library::chunk(int64_t file, const std::string& name, const std::vector<int64_t>& offset) {
  const std::vector<hsize_t> place(offset.begin(), offset.end());
  unsigned skipped = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t stored = 0;
  check(H5Dget_chunk_info_by_coord(dataset(file, name), place.data(), &skipped, &address, &stored));
  return {skipped, address + files_.at(file).chunks_begin, stored};
}

}  // namespace physgen
