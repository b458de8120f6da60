#include "data/maniskill_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include <physgen/core/error.h>
#include <physgen/core/rigid_transform.h>

#include "data/maniskill_metadata.h"

namespace physgen {
namespace {

constexpr int64_t kMostPixelsPerSide = 16384;
constexpr int64_t kMostColumns = 4096;

std::string json_beside(const std::string& path) {
  return std::filesystem::path(path).replace_extension(".json").string();
}

/// The numbers of the groups traj_<id>, sorted as numbers: traj_10 comes after traj_9.
std::vector<int64_t> trajectory_ids(const Hdf5File& file) {
  std::vector<int64_t> ids;
  for (const std::string& name : file.children("/")) {
    if (!name.starts_with("traj_")) continue;
    int64_t id = -1;
    const char* end = name.data() + name.size();
    const auto [rest, failure] = std::from_chars(name.data() + 5, end, id);
    if (failure == std::errc() && rest == end && id >= 0) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string instruction_of(const ManiSkillMetadata& metadata, const std::string& given, const std::string& json_path) {
  if (!given.empty()) return given;
  if (!metadata.instruction.empty()) return metadata.instruction;
  const std::string known = known_instruction(metadata.task);
  if (!known.empty()) return known;
  throw FormatError({"the demonstrations have no instruction", json_path,
                     "task \"" + metadata.task + "\", which has none of its own",
                     "a sentence that tells the robot what to do",
                     "pass --instruction \"…\", or put \"instruction\": \"…\" at the top of the JSON"});
}

std::optional<std::pair<int64_t, int64_t>> seeds_of(const ManiSkillMetadata& metadata) {
  if (metadata.seeds_tried) return metadata.seeds_tried;
  std::optional<std::pair<int64_t, int64_t>> range;
  for (const EpisodeMetadata& episode : metadata.episodes) {
    if (episode.seed < 0) continue;
    if (!range) range = std::pair{episode.seed, episode.seed};
    range = std::pair{std::min(range->first, episode.seed), std::max(range->second, episode.seed)};
  }
  return range;
}

void check_finite(const Matrix& values, const std::string& where, const std::string& episode) {
  if (values.allFinite()) return;
  for (int64_t row = 0; row < values.rows(); ++row) {
    for (int64_t column = 0; column < values.cols(); ++column) {
      if (std::isfinite(values(row, column))) continue;
      throw FormatError(
          {"a recorded number is not finite",
           where + ", episode " + episode + ", row " + std::to_string(row) + ", column " + std::to_string(column),
           std::isnan(values(row, column)) ? "NaN" : "infinity", "finite float32",
           "remove this episode from the .h5 and the .json, or record it again"});
    }
  }
}

void check_rows(const Hdf5Dataset& dataset, const std::string& where, int64_t rows, const std::string& why) {
  if (dataset.shape()[0] == rows) return;
  throw FormatError({"an episode's arrays disagree in length", where, std::to_string(dataset.shape()[0]) + " rows",
                     std::to_string(rows) + " rows: " + why, "record or replay this episode again"});
}

void check_columns(const Hdf5Dataset& dataset, const std::string& where) {
  const int64_t columns = dataset.shape()[1];
  if (columns >= 1 && columns <= kMostColumns) return;
  throw FormatError({"an array of an episode has an impossible width", where, std::to_string(columns) + " columns",
                     "1 to " + std::to_string(kMostColumns), "record or replay this episode again"});
}

}  // namespace

ManiSkillFile::ManiSkillFile(const std::string& path, const std::string& instruction)
    : file_(path), ids_(trajectory_ids(file_)) {
  const std::string json_path = json_beside(path);
  const ManiSkillMetadata metadata = read_maniskill_metadata(json_path);
  const std::string text = instruction_of(metadata, instruction, json_path);
  for (const EpisodeMetadata& episode : metadata.episodes) {
    episodes_.push_back({path + ":traj_" + std::to_string(episode.id), metadata.task, text, episode.control_mode,
                         episode.elapsed_steps, episode.seed, episode.success});
  }
  seeds_tried_ = seeds_of(metadata);
  std::vector<int64_t> listed;
  for (const EpisodeMetadata& episode : metadata.episodes) listed.push_back(episode.id);
  check_episodes(json_path, listed);
}

void ManiSkillFile::check_episodes(const std::string& json_path, const std::vector<int64_t>& listed) const {
  if (ids_.empty()) {
    throw FormatError({"an .h5 file holds no episodes", path(), "no group traj_*", "traj_0, traj_1, …",
                       "name ManiSkill demonstrations (LIBERO's and others have another layout)"});
  }
  const std::string next_step = "copy both files of the pair again, or make them again";
  if (ids_.size() != listed.size()) {
    throw FormatError({"the JSON and the .h5 disagree on the number of episodes", json_path,
                       std::to_string(listed.size()) + " episodes", std::to_string(ids_.size()) + ", as in " + path(),
                       next_step});
  }
  const auto [id, other] = std::mismatch(ids_.begin(), ids_.end(), listed.begin());
  if (id != ids_.end()) {
    throw FormatError({"the JSON and the .h5 disagree on the episodes", json_path,
                       "episode_id " + std::to_string(*other), "traj_" + std::to_string(*id) + ", as in " + path(),
                       next_step});
  }
}

std::string ManiSkillFile::object(int64_t episode, const std::string& name) const {
  return "traj_" + std::to_string(ids_[static_cast<size_t>(episode)]) + "/" + name;
}

EpisodeShape ManiSkillFile::inspect(int64_t episode) const {
  const Hdf5Lock lock;
  EpisodeShape shape;
  shape.action_width = inspect_actions(episode);
  shape.state_width = inspect_states(episode);
  for (const std::string& camera : file_.children(object(episode, "obs/sensor_data"))) {
    if (!file_.exists(object(episode, "obs/sensor_data/" + camera + "/rgb"))) continue;  // a camera of depth alone
    shape.cameras[camera] = inspect_camera(episode, camera);
  }
  if (shape.cameras.empty()) {
    throw FormatError({"an episode has no camera images", info(episode).source,
                       "nothing at obs/sensor_data/<camera>/rgb", "frames [T + 1, height, width, 3] uint8",
                       "render them: scripts/maniskill_demos, or ManiSkill's replay_trajectory with -o rgb"});
  }
  return shape;
}

int64_t ManiSkillFile::inspect_actions(int64_t episode) const {
  const std::string name = object(episode, "actions");
  const Hdf5Dataset actions = file_.open(name, Hdf5Numbers::floating, 2);
  check_rows(actions, path() + ":" + name, info(episode).control_steps, "elapsed_steps of " + json_beside(path()));
  check_columns(actions, path() + ":" + name);
  if (actions.shape()[0] < 1) {
    throw FormatError({"an episode is empty", path() + ":" + name, "0 control steps", "at least 1",
                       "remove this episode from the .h5 and the .json"});
  }
  return actions.shape()[1];
}

int64_t ManiSkillFile::inspect_states(int64_t episode) const {
  const std::string name = object(episode, "obs/agent/qpos");
  if (!file_.exists(name)) return 0;
  const Hdf5Dataset states = file_.open(name, Hdf5Numbers::floating, 2);
  check_rows(states, path() + ":" + name, info(episode).control_steps + 1, "one observation more than actions");
  check_columns(states, path() + ":" + name);
  return states.shape()[1];
}

std::pair<int64_t, int64_t> ManiSkillFile::inspect_camera(int64_t episode, const std::string& camera) const {
  const std::string name = object(episode, "obs/sensor_data/" + camera + "/rgb");
  const Hdf5Dataset frames = file_.open(name, Hdf5Numbers::bytes, 4);
  check_rows(frames, path() + ":" + name, info(episode).control_steps + 1, "one frame more than actions");
  const int64_t height = frames.shape()[1];
  const int64_t width = frames.shape()[2];
  if (frames.shape()[3] != 3 || std::min(height, width) < 1 || std::max(height, width) > kMostPixelsPerSide) {
    throw FormatError(
        {"frames are no RGB pictures", path() + ":" + name,
         "[" + std::to_string(height) + ", " + std::to_string(width) + ", " + std::to_string(frames.shape()[3]) + "]",
         "[height, width, 3], at most " + std::to_string(kMostPixelsPerSide) + " pixels a side",
         "render the demonstrations again as uint8 RGB"});
  }
  return {height, width};
}

Episode ManiSkillFile::read(int64_t episode) const {
  const Hdf5Lock lock;
  const std::string actions = object(episode, "actions");
  const std::string states = object(episode, "obs/agent/qpos");
  const std::string id = std::to_string(ids_[static_cast<size_t>(episode)]);
  Episode result{info(episode), file_.open(actions, Hdf5Numbers::floating, 2).read_matrix(), {}};
  check_finite(result.actions, path() + ":" + actions, id);
  if (file_.exists(states)) {
    result.states = file_.open(states, Hdf5Numbers::floating, 2).read_matrix();
    check_finite(result.states, path() + ":" + states, id);
  }
  return result;
}

std::optional<Eigen::Isometry3d> ManiSkillFile::read_hand(int64_t episode) const {
  const Hdf5Lock lock;
  const std::string hand = object(episode, "obs/extra/tcp_pose"), robots = object(episode, "env_states/articulations");
  const std::vector<std::string> names = file_.children(robots);
  if (!file_.exists(hand) || names.size() != 1) return std::nullopt;
  const auto first_pose = [&](const std::string& name) -> std::optional<Eigen::Isometry3d> {
    const Matrix rows = file_.open(name, Hdf5Numbers::floating, 2).read_matrix();
    if (rows.rows() < 1 || rows.cols() < 7 || !rows.allFinite()) return std::nullopt;
    return transform_of_pose(rows.row(0).head<7>().transpose().cast<double>());
  };
  const auto in_world = first_pose(hand), base = first_pose(robots + "/" + names.front());
  if (!in_world || !base) return std::nullopt;
  return base->inverse() * *in_world;
}

Image ManiSkillFile::read_frame(int64_t episode, const std::string& camera, int64_t index) const {
  const Hdf5Lock lock;
  const std::string name = object(episode, "obs/sensor_data/" + camera + "/rgb");
  if (!last_frames_ || last_frames_->name != name) last_frames_ = Frames{name, file_.open(name, Hdf5Numbers::bytes, 4)};
  Hdf5Dataset& frames = last_frames_->dataset;
  if (index < 0 || index >= frames.shape()[0]) {
    throw FormatError({"an episode has no such frame", path() + ":" + name, "frame " + std::to_string(index),
                       "0 to " + std::to_string(frames.shape()[0] - 1), "ask for a frame of the episode"});
  }
  return {frames.shape()[1], frames.shape()[2], frames.read_row(index)};
}

}  // namespace physgen
