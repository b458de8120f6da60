#include "formats/lerobot_metadata.h"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <variant>

#include <physgen/core/error.h>

#include "core/json_file.h"
#include "core/quote.h"
#include "formats/demonstration_file.h"
#include "formats/lerobot_tasks.h"
#include "formats/parquet_file.h"

namespace physgen {
namespace {

namespace filesystem = std::filesystem;

constexpr JsonWords kInfoWords = {.damaged = "the JSON of a set of demonstrations is not LeRobot's",
                                  .missing = "a folder is no LeRobot data set",
                                  .expected = "LeRobot's description of the data set",
                                  .next_step = "download the whole data set, or correct the JSON"};
constexpr JsonWords kEpisodesWords = {.damaged = "the JSON of a set of demonstrations is not LeRobot's",
                                      .missing = "a file of a LeRobot data set is missing",
                                      .expected = "one line of JSON an episode",
                                      .next_step = "download the whole data set, or correct the JSON"};
constexpr double kLongestVideo = 1e7;  // seconds
constexpr size_t kLongestPattern = 400;
constexpr int64_t kLiberoActions = 7, kLiberoStates = 8;

using PathFields = std::map<std::string, std::variant<int64_t, std::string>>;

/// A path of info.json with its fields filled in: "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet". It
/// leads nowhere but into the data set.
std::string fill(const filesystem::path& folder, const JsonView& field, const PathFields& fields) {
  static const std::regex right("([^{}]|\\{[a-z_]+(:0[1-9]d)?\\})*");
  const std::string& pattern = field.text();
  const auto refuse = [&](const std::string& why) {
    field.refuse(quote(pattern) + ": " + why, "a path below the data set with LeRobot's names");
  };
  if (pattern.size() > kLongestPattern || !std::regex_match(pattern, right)) refuse("no such pattern");
  fmt::dynamic_format_arg_store<fmt::format_context> store;
  for (const auto& [name, value] : fields) {
    std::visit([&, key = name.c_str()](const auto& part) { store.push_back(fmt::arg(key, part)); }, value);
  }
  filesystem::path path;
  try {
    path = filesystem::path(fmt::vformat(pattern, store)).lexically_normal();
  } catch (const fmt::format_error& error) {
    refuse(error.what());
  }
  if (path.is_absolute() || path.string().starts_with("..")) refuse("leads out of the data set");
  return (folder / path).string();
}

/// A file that should be in one chunk's folder and is in another's alone, as where info.json names another chunks_size
/// than the set was written with: there. Else where it should be.
std::string in_its_chunk(const std::string& path) {
  std::error_code unreachable;
  if (filesystem::exists(path, unreachable)) return path;
  std::string found;
  const size_t chunk = path.rfind("/chunk-");
  const size_t end = chunk == std::string::npos ? chunk : path.find('/', chunk + 1);
  if (end == std::string::npos) return path;
  for (const auto& folder : filesystem::directory_iterator(path.substr(0, chunk), unreachable)) {
    const std::string other = folder.path().string() + path.substr(end);
    if (!filesystem::exists(other, unreachable)) continue;
    if (!found.empty()) return path;
    found = other;
  }
  return found.empty() ? path : found;
}

/// What stands at the first of some keys that is there; "" for none.
std::string first_of(const JsonView& features, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (features.has(key)) return key;
  }
  return "";
}

std::vector<int64_t> shape_of(const JsonView& feature, size_t rank, int64_t most) {
  const JsonView sizes = feature.at("shape");
  const std::vector<int64_t> shape = sizes.integers(1, most);
  if (shape.size() != rank) sizes.refuse(std::to_string(shape.size()) + " sizes", std::to_string(rank) + " sizes");
  return shape;
}

/// Height and width of RGB: the channels come last, or first in old data sets. Nothing of other pictures.
std::optional<std::pair<int64_t, int64_t>> picture_size(const std::vector<int64_t>& shape) {
  if (shape[2] == 3) return std::pair{shape[0], shape[1]};
  if (shape[0] == 3) return std::pair{shape[1], shape[2]};
  return std::nullopt;
}

/// Whether one of a key's words, between dots and underscores, is among some.
bool has_word(std::string_view key, std::initializer_list<std::string_view> words) {
  static const std::regex word("[a-z]+");
  const std::string text(key);
  for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) {
    if (std::ranges::find(words, at->str()) != words.end()) return true;
  }
  return false;
}

/// What pictures are that show no colours: "depth" or "a segmentation", as the feature's info says, else its key; or by
/// their channels. "" of a camera.
std::string what_it_shows(std::string_view key, const JsonView& feature, const std::vector<int64_t>& shape) {
  for (const char* holder : {"info", "video_info"}) {
    if (!feature.has(holder)) continue;
    for (const char* flag : {"video.is_depth_map", "is_depth_map"}) {
      if (feature.at(holder).flag_or(flag, false)) return "depth";
    }
  }
  if (feature.flag_or("is_depth_map", false) || has_word(key, {"depth"})) return "depth";
  if (has_word(key, {"seg", "segm", "segmentation", "mask"})) return "a segmentation";
  if (picture_size(shape)) return "";
  return "pictures of " + std::to_string(std::min(shape[0], shape[2])) + " channels";
}

/// A camera's name: its key, without what they all begin with.
std::string camera_of(std::string_view key) {
  constexpr std::string_view kImages = "observation.images.";
  return std::string(key.starts_with(kImages) ? key.substr(kImages.size()) : key);
}

/// The names of a feature's columns: a list, or one list in an object ({"motors": […]}). None where they are as many
/// as there are columns not.
std::vector<std::string> names_of(const JsonView& feature, int64_t width) {
  if (!feature.has("names")) return {};
  const JsonView names = feature.at("names");
  std::vector<std::string> found;
  if (names.is_list()) {
    found = names.texts();
  } else if (const auto members = names.members(); members.size() == 1 && members[0].second.is_list()) {
    found = members[0].second.texts();
  }
  return std::ssize(found) == width ? found : std::vector<std::string>();
}

void read_recording(const JsonView& info, LeRobotMetadata& metadata) {
  Recording& recording = metadata.recording;
  recording.frames_per_second = info.at("fps").number();
  if (recording.frames_per_second <= 0) info.at("fps").refuse("more than 0");
  if (info.has("robot_type")) recording.robot = info.at("robot_type").text();
  const JsonView features = info.at("features");
  recording.action_names = names_of(features.at(metadata.action_key), metadata.action_width);
  if (metadata.state_width > 0) recording.state_names = names_of(features.at(metadata.state_key), metadata.state_width);
}

void read_features(const JsonView& info, LeRobotMetadata& metadata) {
  const JsonView features = info.at("features");
  metadata.action_key = first_of(features, {"action", "actions"});
  if (metadata.action_key.empty()) features.refuse("neither action nor actions", "the robot's actions");
  metadata.action_width = shape_of(features.at(metadata.action_key), 1, kMostColumns)[0];
  metadata.state_key = first_of(features, {"observation.state", "state"});
  if (!metadata.state_key.empty()) metadata.state_width = shape_of(features.at(metadata.state_key), 1, kMostColumns)[0];
  for (const auto& [key, feature] : features.members()) {
    const std::string& type = feature.at("dtype").text();
    if (type != "image" && type != "video") continue;
    const std::vector<int64_t> shape = shape_of(feature, 3, kMostPixelsPerSide);
    const std::string shown = what_it_shows(key, feature, shape), camera = camera_of(key);
    const auto size = picture_size(shape);
    if (!size || !shown.empty()) {
      metadata.unusable[camera] = shown;
      continue;
    }
    if (metadata.cameras.contains(camera)) feature.refuse("two cameras named " + quote(camera), "each name once");
    metadata.cameras[camera] = {std::string(key), type == "video", *size};
  }
  if (metadata.cameras.empty()) features.refuse("no RGB of dtype image or video", "at least one camera");
}

/// What the robot is called in data sets of LIBERO; those of another robot are not LIBERO's.
bool may_be_libero(const JsonView& info) {
  if (!info.has("robot_type")) return true;
  const std::string robot = info.at("robot_type").text();
  return robot == "panda" || robot == "franka" || robot == "libero" || robot == "unknown";
}

/// LIBERO as openpi and LeRobot publish it gets the names that it has elsewhere.
void recognise_libero(const JsonView& info, LeRobotMetadata& metadata) {
  const char* wrist = metadata.cameras.contains("image2") ? "image2" : "wrist_image";
  const bool same_widths = metadata.action_width == kLiberoActions && metadata.state_width == kLiberoStates;
  const bool same_cameras =
      metadata.cameras.size() == 2 && metadata.cameras.contains("image") && metadata.cameras.contains(wrist);
  if (!same_widths || !same_cameras || !may_be_libero(info)) return;
  metadata.control_mode = "osc_pose";
  for (const auto& [theirs, ours] : {std::pair{"image", "agentview"}, std::pair{wrist, "eye_in_hand"}}) {
    auto camera = metadata.cameras.extract(theirs);
    camera.key() = ours;
    metadata.cameras.insert(std::move(camera));
  }
}

/// What `write_lerobot` adds, in place of what is only recognised.
void read_additions(const JsonView& info, LeRobotMetadata& metadata) {
  if (!info.has("physgen")) return recognise_libero(info, metadata);
  const JsonView additions = info.at("physgen");
  metadata.control_mode = additions.at("control_mode").text();
  if (additions.has("look_every")) metadata.look_every = additions.at("look_every").integer(1, 4096);
  if (metadata.control_mode == "osc_pose") recognise_libero(info, metadata);
  if (additions.has("seeds_tried")) {
    for (const JsonView& tried : additions.at("seeds_tried").items()) metadata.seeds_tried.push_back(tried.range());
  }
}

void read_splits(const JsonView& info, LeRobotMetadata& metadata) {
  if (!info.has("splits")) return;
  const auto splits = info.at("splits").members();
  if (splits.size() < 2) return;
  for (const auto& [name, range] : splits) metadata.splits.emplace_back(name);
}

/// Marks the episodes that `write_lerobot` lists as failures.
void read_failures(const JsonView& info, LeRobotMetadata& metadata) {
  if (!info.has("physgen") || !info.at("physgen").has("failures")) return;
  const std::vector<int64_t> failures = info.at("physgen").at("failures").integers();
  for (LeRobotEpisode& episode : metadata.episodes) {
    episode.success = std::find(failures.begin(), failures.end(), episode.index) == failures.end();
  }
}

/// v2.0 and v2.1: one line and one file an episode.
void read_episodes_of_v2(const filesystem::path& folder, const JsonView& info, const std::string& instruction,
                         LeRobotMetadata& metadata) {
  const int64_t chunk = info.at("chunks_size").integer(1);
  const auto read_episode = [&](const JsonView& line, const std::string&) {
    LeRobotEpisode episode{line.at("episode_index").integer(), line.at("length").integer(), {instruction}, ""};
    if (instruction.empty()) episode.tasks = line.has("tasks") ? line.at("tasks").texts() : std::vector<std::string>();
    PathFields fields{{"episode_chunk", episode.index / chunk}, {"episode_index", episode.index}};
    episode.data = in_its_chunk(fill(folder, info.at("data_path"), fields));
    for (const auto& [camera, column] : metadata.cameras) {
      if (!column.video) continue;
      fields["video_key"] = column.key;
      episode.videos[camera] = {.path = in_its_chunk(fill(folder, info.at("video_path"), fields))};
    }
    metadata.episodes.push_back(std::move(episode));
  };
  each_json_line(folder / "meta/episodes.jsonl", kEpisodesWords, LastLine::whole, read_episode);
}

std::vector<filesystem::path> episode_tables(const filesystem::path& folder) {
  std::vector<filesystem::path> files = files_with_ending(folder, ".parquet");
  if (!files.empty()) return files;
  throw FormatError({"a LeRobot data set has no episodes", folder.string(), "no .parquet file in it",
                     "chunk-000/file-000.parquet, …", "download the whole data set"});
}

/// The places of all rows' files, by the name of what is in them: "data", or "videos/<key>".
class FilePlaces {
 public:
  FilePlaces(const ParquetFile& table, const std::string& name)
      : chunks_(table.read_integers(name + "/chunk_index")), files_(table.read_integers(name + "/file_index")) {}

  PathFields at(size_t row) const { return {{"chunk_index", chunks_[row]}, {"file_index", files_[row]}}; }

 private:
  std::vector<int64_t> chunks_, files_;
};

void check_span(const LeRobotVideo& video, const std::string& where) {
  if (video.start >= 0 && video.start <= kLongestVideo && video.end > video.start) return;
  throw FormatError({"an episode begins at no time of its video", where,
                     std::to_string(video.start) + " s to " + std::to_string(video.end) + " s", "0 s and later",
                     "download or convert this data set again"});
}

/// Episodes of one video lie behind each other: where one begins before another ends, both show the same frames.
void check_overlaps(const std::string& camera, const LeRobotMetadata& metadata) {
  std::vector<const LeRobotEpisode*> episodes;
  for (const LeRobotEpisode& episode : metadata.episodes) episodes.push_back(&episode);
  const auto span = [&](const LeRobotEpisode* episode) -> const LeRobotVideo& { return episode->videos.at(camera); };
  std::ranges::sort(episodes, {},
                    [&](const auto* episode) { return std::pair(span(episode).path, span(episode).start); });
  for (size_t i = 1; i < episodes.size(); ++i) {
    const LeRobotVideo &one = span(episodes[i - 1]), &next = span(episodes[i]);
    if (one.path != next.path || next.start > one.end - kFrameShare / metadata.recording.frames_per_second) continue;
    throw FormatError({"two episodes share frames of a video",
                       next.path + ", episodes " + std::to_string(episodes[i - 1]->index) + " and " +
                           std::to_string(episodes[i]->index),
                       "one to " + std::to_string(one.end) + " s, the next from " + std::to_string(next.start) + " s",
                       "from_timestamp no earlier than the to_timestamp before it",
                       "download or convert this data set again"});
  }
}

/// v3.0: one row an episode, many episodes a file.
void read_episodes_of_v3(const filesystem::path& folder, const JsonView& info, const std::string& path,
                         const std::string& instruction, LeRobotMetadata& metadata) {
  const ParquetFile table(path);
  const std::vector<int64_t> indices = table.read_integers("episode_index"), rows = table.read_integers("length");
  const bool names_tasks = instruction.empty() && table.has("tasks");
  const auto tasks = names_tasks ? table.read_text_lists("tasks") : std::vector<std::vector<std::string>>();
  const FilePlaces data(table, "data");
  const size_t first = metadata.episodes.size();
  for (size_t i = 0; i < indices.size(); ++i) {
    LeRobotEpisode episode{indices[i], rows[i], {instruction}, fill(folder, info.at("data_path"), data.at(i))};
    if (instruction.empty()) episode.tasks = names_tasks ? tasks[i] : std::vector<std::string>();
    metadata.episodes.push_back(std::move(episode));
  }
  for (const auto& [camera, column] : metadata.cameras) {
    if (!column.video) continue;
    const FilePlaces videos(table, "videos/" + column.key);
    const std::vector<double> starts = table.read_numbers("videos/" + column.key + "/from_timestamp");
    const std::string end_column = "videos/" + column.key + "/to_timestamp";
    const std::vector<double> ends = table.has(end_column) ? table.read_numbers(end_column) : std::vector<double>();
    for (size_t i = 0; i < indices.size(); ++i) {
      PathFields fields = videos.at(i);
      fields["video_key"] = column.key;
      LeRobotVideo video{.path = fill(folder, info.at("video_path"), fields), .start = starts[i]};
      if (!ends.empty()) video.end = ends[i];
      check_span(video, path + ", row " + std::to_string(i));
      metadata.episodes[first + i].videos[camera] = std::move(video);
    }
  }
}

void sort_episodes(const filesystem::path& folder, LeRobotMetadata& metadata) {
  auto& episodes = metadata.episodes;
  std::sort(episodes.begin(), episodes.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  const auto twice = std::adjacent_find(episodes.begin(), episodes.end(),
                                        [](const auto& a, const auto& b) { return a.index == b.index; });
  if (!episodes.empty() && twice == episodes.end()) return;
  throw FormatError({"the episodes of a LeRobot data set are not numbered as they should be", folder.string(),
                     episodes.empty() ? "no episode" : "two of number " + std::to_string(twice->index),
                     "each number once", "download the whole data set"});
}

}  // namespace

std::vector<filesystem::path> files_with_ending(const filesystem::path& folder, const std::string& ending) {
  std::vector<filesystem::path> files;
  std::error_code unreachable;
  for (filesystem::recursive_directory_iterator at(folder, unreachable), end; !unreachable && at != end;) {
    if (at->path().extension() == ending) files.push_back(at->path());
    at.increment(unreachable);
  }
  std::ranges::sort(files);
  return files;
}

LeRobotMetadata read_lerobot_metadata(const filesystem::path& folder, const std::string& instruction) {
  const JsonView info = read_json_file(folder / "meta/info.json", kInfoWords);
  const JsonView version = info.at("codebase_version");
  version.require({"v2.0", "v2.1", "v3.0"});
  LeRobotMetadata metadata;
  read_features(info, metadata);
  read_recording(info, metadata);
  read_additions(info, metadata);
  if (version.text() == "v3.0") {
    for (const filesystem::path& file : episode_tables(folder / "meta/episodes")) {
      read_episodes_of_v3(folder, info, file.string(), instruction, metadata);
    }
  } else {
    read_episodes_of_v2(folder, info, instruction, metadata);
  }
  sort_episodes(folder, metadata);
  read_lerobot_tasks(folder, metadata);
  for (const auto& [camera, column] : metadata.cameras) {
    if (column.video) check_overlaps(camera, metadata);
  }
  read_failures(info, metadata);
  read_splits(info, metadata);
  return metadata;
}

}  // namespace physgen
