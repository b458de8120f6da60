#include "formats/maniskill_file.h"

#include <algorithm>
#include <filesystem>

#include <physgen/core/error.h>

#include "core/rigid_transform.h"
#include "formats/maniskill_metadata.h"

namespace physgen {
namespace {

std::string json_beside(const std::string& path) {
  return std::filesystem::path(path).replace_extension(".json").string();
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

}  // namespace

ManiSkillFile::ManiSkillFile(std::shared_ptr<const Hdf5File> file, const std::string& instruction)
    : Hdf5Demonstrations(std::move(file)) {
  find_groups("", "traj_");
  const std::string json_path = json_beside(path());
  const ManiSkillMetadata metadata = read_maniskill_metadata(json_path);
  const std::string text = instruction_of(metadata, instruction, json_path);
  for (const EpisodeMetadata& episode : metadata.episodes) {
    episodes_.push_back({path() + ":traj_" + std::to_string(episode.id), metadata.task, text, episode.control_mode,
                         episode.elapsed_steps, episode.seed, episode.success});
  }
  if (metadata.without_success > 0) {
    left_out_.push_back({json_path, "no \"success\" of " + std::to_string(metadata.without_success) +
                                        " episodes, which count as successes"});
  }
  if (const auto seeds = seeds_of(metadata)) seeds_tried_.push_back(*seeds);
  std::vector<int64_t> listed;
  for (const EpisodeMetadata& episode : metadata.episodes) listed.push_back(episode.id);
  check_episodes(json_path, listed);
}

void ManiSkillFile::check_episodes(const std::string& json_path, const std::vector<int64_t>& listed) const {
  if (ids_.empty()) {
    throw FormatError({"an .h5 file holds no episodes", path(), "no group traj_*",
                       "traj_0, traj_1, … of ManiSkill, or data/demo_0, … of LIBERO",
                       "name ManiSkill's or LIBERO's demonstrations"});
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

EpisodeShape ManiSkillFile::inspect(int64_t episode) const {
  EpisodeShape shape;
  shape.action_width = inspect_actions(episode);
  shape.state_width = inspect_states(episode);
  for (const std::string& camera : file_->children(object(episode, "obs/sensor_data"))) {
    if (!file_->exists(object(episode, "obs/sensor_data/" + camera + "/rgb"))) continue;  // a camera of depth alone
    shape.cameras[camera] = inspect_frames(object(episode, "obs/sensor_data/" + camera + "/rgb"),
                                           info(episode).control_steps + 1, "one frame more than actions");
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
  const int64_t width = inspect_table(name, info(episode).control_steps, "elapsed_steps of " + json_beside(path()));
  if (info(episode).control_steps >= 1) return width;
  throw FormatError({"an episode is empty", where(name), "0 control steps", "at least 1",
                     "remove this episode from the .h5 and the .json"});
}

int64_t ManiSkillFile::inspect_states(int64_t episode) const {
  const std::string name = object(episode, "obs/agent/qpos");
  if (!file_->exists(name)) return 0;
  return inspect_table(name, info(episode).control_steps + 1, "one observation more than actions");
}

Episode ManiSkillFile::read(int64_t episode) const {
  const std::string states = object(episode, "obs/agent/qpos");
  const std::string id = std::to_string(ids_[static_cast<size_t>(episode)]);
  Episode result{info(episode), read_table(object(episode, "actions"), id), {}};
  if (file_->exists(states)) result.states = read_table(states, id);
  return result;
}

std::optional<Eigen::Isometry3d> ManiSkillFile::read_hand(int64_t episode) const {
  const std::string hand = object(episode, "obs/extra/tcp_pose"), robots = object(episode, "env_states/articulations");
  const std::vector<std::string> names = file_->children(robots);
  if (!file_->exists(hand) || names.size() != 1) return std::nullopt;
  const auto first_pose = [&](const std::string& name) -> std::optional<Eigen::Isometry3d> {
    const Matrix rows = file_->open(name, Hdf5Numbers::floating, 2).read_matrix();
    if (rows.rows() < 1 || rows.cols() < 7 || !rows.allFinite()) return std::nullopt;
    return transform_of_pose(rows.row(0).head<7>().transpose().cast<double>());
  };
  const auto in_world = first_pose(hand), base = first_pose(robots + "/" + names.front());
  if (!in_world || !base) return std::nullopt;
  return base->inverse() * *in_world;
}

std::unique_ptr<FrameReader> ManiSkillFile::open_frames(int64_t episode, const std::string& camera) const {
  const std::string name = object(episode, "obs/sensor_data/" + camera + "/rgb");
  return std::make_unique<Hdf5Frames>(file_->open(name, Hdf5Numbers::bytes, 4), where(name));
}

}  // namespace physgen
