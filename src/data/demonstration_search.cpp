#include "data/demonstration_search.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iterator>
#include <optional>
#include <set>

#include <physgen/core/error.h>

#include "formats/demonstration_file.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostNamed = 5;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_hdf5(const fs::path& path) {
  const std::string ending = lower(path.extension());
  return ending == ".h5" || ending == ".hdf5";
}

/// Why a file or folder that looks like demonstrations is none; nothing where it does not look so.
std::optional<std::string> why_left_out(const fs::directory_entry& entry) {
  std::error_code unreachable;
  const fs::path& path = entry.path();
  if (entry.is_directory(unreachable)) {
    const bool half = fs::exists(path / "meta/episodes", unreachable) ||
                      fs::exists(path / "meta/tasks.jsonl", unreachable) ||
                      fs::exists(path / "meta/episodes.jsonl", unreachable);
    if (half) return "a LeRobot data set without its meta/info.json";
    return std::nullopt;
  }
  if (is_hdf5(path)) return fs::exists(path, unreachable) ? "no regular file" : "a link to nothing";
  const std::string name = lower(path.filename());
  if (name.find(".h5") != std::string::npos || name.find(".hdf5") != std::string::npos) {
    return "its name does not end in .h5 or .hdf5";
  }
  if (name.find(".tfrecord") != std::string::npos) return "RLDS, which is not read: convert it to LeRobot";
  return std::nullopt;
}

/// What is searched, one folder after the other.
class Search {
 public:
  FoundDemonstrations run(const fs::path& folder) {
    entered_.insert(fs::canonical(folder));
    std::error_code failure;
    constexpr auto kFollow = fs::directory_options::follow_directory_symlink;
    fs::recursive_directory_iterator at(folder, kFollow, failure);
    for (const fs::recursive_directory_iterator end; !failure && at != end; at.increment(failure)) {
      if (!take(*at)) at.disable_recursion_pending();
    }
    if (failure) found_.left_out.push_back({folder.string(), "not all of it can be read: " + failure.message()});
    std::ranges::sort(found_.files);
    std::ranges::sort(found_.left_out, {}, &LeftOut::where);
    return std::move(found_);
  }

 private:
  /// Whether to look into it, too.
  bool take(const fs::directory_entry& entry) {
    std::error_code unreachable;
    const bool folder = entry.is_directory(unreachable);
    if (folder ? is_lerobot_folder(entry) : entry.is_regular_file(unreachable) && is_hdf5(entry.path())) {
      found_.files.push_back(entry.path().string());
      return false;
    }
    if (auto why = why_left_out(entry)) found_.left_out.push_back({entry.path().string(), *std::move(why)});
    return folder && entered_.insert(fs::canonical(entry.path())).second;  // links may lead to where we are
  }

  std::set<fs::path> entered_;
  FoundDemonstrations found_;
};

/// ", but 7 that look like them: a.h5.bak (its name …), …"
std::string text_of(const std::vector<LeftOut>& left_out) {
  if (left_out.empty()) return "";
  std::string text = ", but " + std::to_string(left_out.size()) + " that look like them: ";
  for (size_t i = 0; i < std::min(left_out.size(), kMostNamed); ++i) {
    text += (i > 0 ? ", " : "") + left_out[i].where + " (" + left_out[i].why + ")";
  }
  return text + (left_out.size() > kMostNamed ? ", …" : "");
}

FoundDemonstrations find_in_folder(const fs::path& folder) {
  FoundDemonstrations found = Search().run(folder);
  if (!found.files.empty()) return found;
  throw ConfigError(
      {"a folder holds no demonstrations", folder.string(),
       "no .h5 file and no LeRobot data set in it or below" + text_of(found.left_out),
       "ManiSkill's .h5 files, LIBERO's .hdf5, or a LeRobot folder with its meta/info.json",
       "name another folder, or make demonstrations with scripts/maniskill_demos or scripts/libero_demos"});
}

}  // namespace

FoundDemonstrations find_demonstrations(const std::vector<std::string>& paths) {
  FoundDemonstrations all;
  std::set<std::string> seen;
  const auto add = [&](const std::string& path) {
    if (seen.insert(fs::weakly_canonical(path).string()).second) all.files.push_back(path);
  };
  if (paths.empty()) {
    throw ConfigError({"no demonstrations were named", "data", "an empty list", "at least one file or folder",
                       "name the files, or the folder that holds them"});
  }
  for (const std::string& path : paths) {
    if (!fs::exists(path)) {
      throw ConfigError({"there is no such file or folder", path, "nothing",
                         "an HDF5 file, a LeRobot data set, or a folder that holds some",
                         "check the path, or make demonstrations with scripts/maniskill_demos"});
    }
    if (!fs::is_directory(path) || is_lerobot_folder(path)) {
      add(path);
      continue;
    }
    FoundDemonstrations found = find_in_folder(path);
    std::ranges::for_each(found.files, add);
    std::ranges::move(found.left_out, std::back_inserter(all.left_out));
  }
  return all;
}

}  // namespace physgen
