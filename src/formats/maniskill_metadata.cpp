#include "formats/maniskill_metadata.h"

#include <algorithm>
#include <map>

#include "core/json_file.h"

namespace physgen {
namespace {

constexpr JsonWords kWords = {.damaged = "the JSON of a set of demonstrations is not ManiSkill's",
                              .missing = "an .h5 file has no readable .json beside it",
                              .expected = "the JSON that ManiSkill writes together with the .h5",
                              .next_step = "copy both files of the pair, or make the demonstrations again"};

/// Recorded on a GPU a seed is a list of one; replayed trajectories keep it in reset_kwargs only.
int64_t seed_of(const JsonView& episode) {
  if (episode.has("episode_seed")) return episode.at("episode_seed").integer();
  if (!episode.has("reset_kwargs") || !episode.at("reset_kwargs").has("seed")) return -1;
  const JsonView seed = episode.at("reset_kwargs").at("seed");
  const bool is_list = seed.value().is_array() && seed.value().size() == 1;
  return is_list ? seed.items()[0].integer() : seed.integer();
}

std::string control_mode_of(const JsonView& episode, const JsonView& environment) {
  if (!episode.has("control_mode") && environment.has("env_kwargs")) {
    const JsonView arguments = environment.at("env_kwargs");
    if (arguments.has("control_mode")) return arguments.at("control_mode").text();
  }
  return episode.at("control_mode").text();
}

EpisodeMetadata read_episode(const JsonView& fields, const JsonView& environment) {
  EpisodeMetadata episode;
  episode.id = fields.at("episode_id").integer();
  episode.seed = seed_of(fields);
  episode.elapsed_steps = fields.at("elapsed_steps").integer();
  episode.control_mode = control_mode_of(fields, environment);
  episode.success = fields.flag_or("success", true);
  return episode;
}

std::vector<EpisodeMetadata> read_episodes(const JsonView& root, const JsonView& environment) {
  std::vector<EpisodeMetadata> episodes;
  for (const JsonView& fields : root.at("episodes").items()) episodes.push_back(read_episode(fields, environment));
  std::sort(episodes.begin(), episodes.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  const auto twice =
      std::adjacent_find(episodes.begin(), episodes.end(), [](const auto& a, const auto& b) { return a.id == b.id; });
  if (twice != episodes.end()) {
    root.at("episodes").refuse("episode_id " + std::to_string(twice->id) + " twice", "each episode_id once");
  }
  return episodes;
}

}  // namespace

ManiSkillMetadata read_maniskill_metadata(const std::string& path) {
  const JsonView root = read_json_file(path, kWords);
  const JsonView environment = root.at("env_info");
  ManiSkillMetadata metadata;
  metadata.task = environment.at("env_id").text();
  metadata.instruction = root.text_or("instruction", "");
  if (root.has("seeds_tried")) metadata.seeds_tried = root.at("seeds_tried").range();
  metadata.episodes = read_episodes(root, environment);
  metadata.without_success =
      std::ranges::count_if(root.at("episodes").items(), [](const JsonView& fields) { return !fields.has("success"); });
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
