#include "formats/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include <physgen/core/error.h>

#include "core/foreign_file.h"
#include "core/quote.h"

namespace physgen {
namespace {

constexpr int kMostLinks = 16;
constexpr std::array<uint8_t, 8> kSignature = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

/// The signature stands at the start, or at 512 bytes, 1024, 2048, ….
bool is_hdf5(const ByteFile& bytes) {
  std::array<uint8_t, 8> found{};
  for (uint64_t at = 0; bytes.read(at, found.size(), found.data()); at = at == 0 ? 512 : 2 * at) {
    if (found == kSignature) return true;
  }
  return false;
}

}  // namespace

std::shared_ptr<const Hdf5File> Hdf5File::open(const std::string& path) {
  const std::shared_ptr<const Hdf5File> file(new Hdf5File(path));
  file->exists("/");
  return file;
}

Hdf5File::Hdf5File(const std::string& path) : path_(path), bytes_(path) {
  refuse_foreign_file(path);
  if (is_hdf5(bytes_)) return;
  throw FormatError({"a file is not HDF5", path, "another format, or one cut off at the start", "an HDF5 file (.h5)",
                     "name ManiSkill's or LIBERO's demonstrations, or download the file again"});
}

Hdf5File::~Hdf5File() { Hdf5Process::instance().close(id_); }

nlohmann::json Hdf5File::ask(const char* function, const std::string& object, const nlohmann::json& argument) const {
  const std::string where = object == "/" ? path_ : path_ + ":" + escaped(object);
  try {
    return Hdf5Process::instance().ask(id_, path_, function, {object, argument}, where);
  } catch (const Hdf5Failure& failure) {
    throw FormatError({"HDF5 cannot read a file", where, std::string("\"") + failure.what() + "\"",
                       "a whole HDF5 file that HDF5 " H5_VERSION " reads",
                       "make it or download it again; a newer version's with h5py's libver=\"v110\""});
  }
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
  const std::lock_guard lock(mutex_);
  auto& opened = linked_[target.string()];
  if (!opened) opened = open(target.string());
  return *opened;
}

std::optional<Hdf5File::Place> Hdf5File::find(const std::string& object, int links) const {
  const Hdf5Path path = ask("follow", object);
  if (path.ends_at == "nothing") return std::nullopt;
  if (path.ends_at != "soft" && path.ends_at != "external") return Place{this, path.link, path.ends_at};
  const std::string where = path_ + ":" + escaped(path.link);
  if (links == kMostLinks) {
    throw FormatError({"links lead in a circle", where, "more than " + std::to_string(links), "a link to an object",
                       "remove these links, or download the file again"});
  }
  if (path.ends_at == "external") return linked(path.file, where).find(path.target + "/" + path.rest, links + 1);
  const size_t slash = path.link.rfind('/');
  const bool absolute = path.target.starts_with('/') || slash == std::string::npos;
  return find((absolute ? "" : path.link.substr(0, slash + 1)) + path.target + "/" + path.rest, links + 1);
}

std::vector<std::string> Hdf5File::children(const std::string& group) const {
  const std::optional<Place> place = find(group);
  if (!place || place->type != "group") return {};
  auto names = place->file->ask("children", place->object).get<std::vector<std::string>>();
  std::sort(names.begin(), names.end());
  return names;
}

bool Hdf5File::exists(const std::string& object) const { return find(object).has_value(); }

bool Hdf5File::has_attribute(const std::string& object, const std::string& name) const {
  const std::optional<Place> place = find(object);
  return place && place->file->ask("has_attribute", place->object, name).get<bool>();
}

Hdf5Dataset Hdf5File::open(const std::string& object, Hdf5Numbers numbers, size_t rank) const {
  const std::string where = path_ + ":" + object;
  const std::optional<Place> place = find(object);
  if (place && place->type == "dataset") {
    return {place->file->shared_from_this(), place->object, numbers, rank, where};
  }
  throw FormatError({"a dataset is missing", where, place ? "something else" : "nothing of that name",
                     "a dataset of rank " + std::to_string(rank), "make the demonstrations again with it"});
}

}  // namespace physgen
