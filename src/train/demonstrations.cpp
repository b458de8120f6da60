#include "train/demonstrations.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include <physgen/core/error.h>
#include <physgen/files/manifest.h>

#include "core/random.h"
#include "data/action_conversion.h"
#include "data/action_names.h"
#include "data/demonstration_search.h"
#include "data/statistics.h"
#include "files/sha256.h"

namespace physgen {
namespace {

Episode read_episode(const DemonstrationDataset& dataset, int64_t index, const std::string& control_mode) {
  Episode episode = dataset.read(index);
  if (control_mode.empty() || control_mode == episode.info.control_mode) return episode;
  const bool poses = control_mode.find("_ee_") != std::string::npos;
  return convert_actions(std::move(episode), control_mode, poses ? dataset.read_hand(index) : std::nullopt);
}

DemonstrationSet read_set(const std::string& path, const std::string& instruction, double held_out, uint64_t seed,
                          const std::string& control_mode, double resample) {
  DemonstrationSet set{
      find_demonstrations({path}).files, DemonstrationDataset({path}, instruction, resample), {}, {}, ""};
  for (int64_t i = 0; i < set.dataset.size(); ++i) {
    set.episodes.push_back(read_episode(set.dataset, i, control_mode));
  }
  set.split = split_episodes(set.dataset.size(), held_out, seed);
  set.hashes = hashes_of_demonstrations(set.files);
  return set;
}

// What two datasets must share to train one policy.
std::string robot_of(const DemonstrationSet& set) {
  const std::string& control_mode = set.episodes.front().info.control_mode;
  std::ostringstream text;
  text << control_mode << " with " << set.dataset.action_width() << " actions and " << set.dataset.state_width()
       << " states";
  if (!is_simulated(control_mode)) text << ", " << set.dataset.recording().frames_per_second << " times a second";
  return text.str();
}

void require_one_robot(const std::vector<DemonstrationSet>& sets) {
  for (const DemonstrationSet& set : sets) {
    if (robot_of(set) == robot_of(sets.front())) continue;
    throw ConfigError({.what = "the datasets are of different robots, control modes or rates",
                       .where = set.files.front(),
                       .got = robot_of(set),
                       .expected = robot_of(sets.front()) + ", as in " + sets.front().files.front(),
                       .next_step = "train one policy for each; rates are made one by --resample HZ"});
  }
}

// Rows of some matrices on top of each other.
Matrix stacked(const std::vector<const Matrix*>& parts) {
  Eigen::Index rows = 0;
  for (const Matrix* part : parts) rows += part->rows();
  Matrix all(rows, parts.front()->cols());
  Eigen::Index row = 0;
  for (const Matrix* part : parts) {
    all.middleRows(row, part->rows()) = *part;
    row += part->rows();
  }
  return all;
}

Normalizer normalizer_of(const std::vector<DemonstrationSet>& sets, Matrix Episode::*member, Normalization kind) {
  std::vector<const Matrix*> parts;
  for (const DemonstrationSet& set : sets) {
    for (int64_t i : set.split.training) parts.push_back(&(set.episodes[static_cast<size_t>(i)].*member));
  }
  const Statistics statistics = statistics_of(stacked(parts));
  if (kind == Normalization::quantile) return {statistics.q01, statistics.q99};
  return {statistics.min, statistics.max};
}

// Values of all parts of episodes, in the order of how often they come, ties by name.
std::vector<std::string> by_frequency(const std::vector<DemonstrationSet>& sets,
                                      std::string (*value)(const EpisodeInfo&, const EpisodePart&)) {
  std::map<std::string, int64_t> counts;
  for (const DemonstrationSet& set : sets) {
    for (const auto& [info, actions, states] : set.episodes) {
      for (const EpisodePart& part : parts_of(info)) ++counts[value(info, part)];
    }
  }
  std::vector<std::string> values;
  for (const auto& [each, count] : counts) values.push_back(each);
  std::stable_sort(values.begin(), values.end(), [&](auto& a, auto& b) { return counts[a] > counts[b]; });
  return values;
}

}  // namespace

std::vector<DemonstrationSet> read_demonstrations(const std::vector<std::string>& paths, const std::string& instruction,
                                                  double held_out, uint64_t seed, const std::string& control_mode,
                                                  double resample) {
  if (paths.empty()) {
    throw ConfigError({.what = "there are no demonstrations to train on",
                       .where = "data",
                       .got = "no path",
                       .expected = "an HDF5 file, a LeRobot data set, or a folder of them",
                       .next_step = "pass --data FILE_OR_DIR"});
  }
  std::vector<DemonstrationSet> sets;
  for (const std::string& path : paths) {
    sets.push_back(
        read_set(path, instruction, held_out, mixed_seed(seed, Stream::held_out, sets.size()), control_mode, resample));
  }
  require_one_robot(sets);
  return sets;
}

std::string hashes_of_demonstrations(const std::vector<std::string>& files) {
  std::vector<std::string> all;
  for (const std::string& file : files) {
    all.push_back(file);
    const std::string json = std::filesystem::path(file).replace_extension(".json");
    if (!std::filesystem::is_directory(file) && std::filesystem::exists(json)) all.push_back(json);
  }
  return sha256_lines(all);
}

void note_left_out(const DemonstrationDataset& dataset, const std::function<void(const std::string&)>& note) {
  if (!note) return;
  for (const auto& [where, why] : dataset.left_out()) note("left out: " + where + ": " + why);
}

void require_cameras(const std::vector<DemonstrationSet>& sets, const std::vector<std::string>& cameras) {
  for (const DemonstrationSet& set : sets) {
    for (const std::string& camera : cameras) set.dataset.camera(camera);
  }
}

void describe_data(const std::vector<DemonstrationSet>& sets, Normalization normalization, PolicyConfig& config) {
  require_cameras(sets, config.canvas.cameras);
  const DemonstrationDataset& first = sets.front().dataset;
  if (config.model.codec.state_token && first.state_width() == 0) {
    throw ConfigError({.what = "the demonstrations have no joint positions",
                       .where = sets.front().files.front(),
                       .got = "no obs/agent/qpos",
                       .expected = "states, as model.codec.state_token asks for",
                       .next_step = "set model.codec.state_token to false, or record them"});
  }
  const auto [height, width] = first.frame_size(config.canvas.cameras.front());
  config.frame_height = height == width ? height : 0;
  config.control_mode = sets.front().episodes.front().info.control_mode;
  config.frames_per_second = first.recording().frames_per_second;
  config.robot = first.recording().robot;
  config.action_names =
      first.info(0).control_mode == config.control_mode ? action_names(first) : std::vector<std::string>();
  config.tasks = by_frequency(sets, [](const EpisodeInfo& info, const EpisodePart&) { return info.task; });
  config.instructions =
      by_frequency(sets, [](const EpisodeInfo&, const EpisodePart& part) { return part.instruction; });
  config.actions = normalizer_of(sets, &Episode::actions, normalization);
  config.states = {};
  if (config.model.codec.state_token) config.states = normalizer_of(sets, &Episode::states, normalization);
  std::string hashes;
  for (const DemonstrationSet& set : sets) hashes += set.hashes;
  config.data_sha256 = sha256_of_text(hashes);
  config.seeds_tried.clear();
  for (const DemonstrationSet& set : sets) {
    const auto& tried = set.dataset.seeds_tried();
    config.seeds_tried.insert(config.seeds_tried.end(), tried.begin(), tried.end());
  }
}

}  // namespace physgen
