#include "formats/maniskill_metadata.h"

#include <algorithm>
#include <map>

#include "formats/field_reader.h"

namespace physgen {
namespace {

using nlohmann::json;

/// Recorded on a GPU a seed is a list of one; replayed trajectories keep it in reset_kwargs only.
int64_t seed_of(const FieldReader& episode) {
  if (episode.has("episode_seed")) return episode.integer("episode_seed");
  if (!episode.has("reset_kwargs")) return -1;
  const FieldReader reset = episode.object("reset_kwargs");
  if (!reset.has("seed")) return -1;
  const json& seed = reset.at("seed", "an integer");
  if (seed.is_array() && seed.size() == 1 && seed[0].is_number_integer()) return seed[0].get<int64_t>();
  return reset.integer("seed");
}

std::string control_mode_of(const FieldReader& episode, const FieldReader& environment) {
  if (!episode.has("control_mode") && environment.has("env_kwargs")) {
    const FieldReader arguments = environment.object("env_kwargs");
    if (arguments.has("control_mode")) return arguments.text("control_mode");
  }
  return episode.text("control_mode");
}

EpisodeMetadata read_episode(const FieldReader& fields, const FieldReader& environment) {
  EpisodeMetadata episode;
  episode.id = fields.integer("episode_id");
  episode.seed = seed_of(fields);
  episode.elapsed_steps = fields.integer("elapsed_steps");
  episode.control_mode = control_mode_of(fields, environment);
  if (fields.has("success")) {
    const json& success = fields.at("success", "true or false");
    if (!success.is_boolean()) fields.fail("success", success.type_name(), "true or false");
    episode.success = success.get<bool>();
  }
  return episode;
}

std::vector<EpisodeMetadata> read_episodes(const FieldReader& root, const FieldReader& environment) {
  std::vector<EpisodeMetadata> episodes;
  for (size_t i = 0; i < root.list("episodes").size(); ++i) {
    episodes.push_back(read_episode(root.object_in("episodes", i), environment));
  }
  std::sort(episodes.begin(), episodes.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  const auto twice =
      std::adjacent_find(episodes.begin(), episodes.end(), [](const auto& a, const auto& b) { return a.id == b.id; });
  if (twice != episodes.end()) {
    root.fail("episodes", "episode_id " + std::to_string(twice->id) + " twice", "each episode_id once");
  }
  return episodes;
}

}  // namespace

ManiSkillMetadata read_maniskill_metadata(const std::string& path) {
  const json document =
      read_json_file(path, "an .h5 file has no readable .json beside it",
                     "the JSON that ManiSkill writes together with the .h5", "copy both files of the pair");
  const FieldReader root(document, path + ":", "ManiSkill's");
  const FieldReader environment = root.object("env_info");
  ManiSkillMetadata metadata;
  metadata.task = environment.text("env_id");
  if (root.has("instruction")) metadata.instruction = root.text("instruction");
  if (root.has("seeds_tried")) metadata.seeds_tried = root.range_of(root.at("seeds_tried", "[first, last]"));
  metadata.episodes = read_episodes(root, environment);
  return metadata;
}

std::string known_instruction(const std::string& task) {
  static const std::map<std::string, std::string> instructions = {
      {"PushCube-v1", "Push and move a cube to a goal region in front of it."},
      {"PickCube-v1", "Grasp a red cube and move it to a target goal position."},
      {"StackCube-v1",
       "Pick up a red cube and stack it on top of a green cube and let go of the cube without it falling."}};
  const auto found = instructions.find(task);
  return found == instructions.end() ? "" : found->second;
}

}  // namespace physgen
