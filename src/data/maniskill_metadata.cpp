#include "data/maniskill_metadata.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include <physgen/core/error.h>

namespace physgen {
namespace {

using nlohmann::json;

json parse_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    throw FormatError({"an .h5 file has no readable .json beside it", path, "no such file",
                       "the JSON that ManiSkill writes together with the .h5", "copy both files of the pair"});
  }
  try {
    return json::parse(file);
  } catch (const json::exception& error) {
    throw FormatError({"a file is not JSON", path, error.what(), "one JSON object", "copy or make the file again"});
  }
}

/// Reads the fields of one object; knows where it is for the errors.
class FieldReader {
 public:
  FieldReader(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail("", object.type_name(), "an object");
  }

  bool has(const std::string& key) const { return object_.contains(key) && !object_[key].is_null(); }

  const json& at(const std::string& key, const std::string& expected) const {
    if (!has(key)) fail(key, "nothing", expected);
    return object_[key];
  }

  std::string text(const std::string& key) const {
    const json& value = at(key, "a string");
    if (!value.is_string()) fail(key, value.type_name(), "a string");
    return value.get<std::string>();
  }

  int64_t integer(const std::string& key) const {
    const json& value = at(key, "an integer");
    if (!value.is_number_integer()) fail(key, value.dump().substr(0, 40), "an integer");
    return value.get<int64_t>();
  }

  FieldReader object(const std::string& key) const { return {at(key, "an object"), path_of(key)}; }

  const json& list(const std::string& key) const {
    const json& value = at(key, "a list");
    if (!value.is_array()) fail(key, value.type_name(), "a list");
    return value;
  }

  [[noreturn]] void fail(const std::string& key, const std::string& got, const std::string& expected) const {
    throw FormatError({"the JSON beside an .h5 file is not ManiSkill's", path_of(key), got, expected,
                       "make the demonstrations again, or correct the JSON"});
  }

  std::string path_of(const std::string& key) const {
    if (key.empty()) return where_;
    return where_ + (where_.ends_with(':') ? "" : ".") + key;
  }

 private:
  const json& object_;
  std::string where_;
};

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
  const json& list = root.list("episodes");
  for (size_t i = 0; i < list.size(); ++i) {
    const FieldReader fields(list[i], root.path_of("episodes") + "[" + std::to_string(i) + "]");
    episodes.push_back(read_episode(fields, environment));
  }
  std::sort(episodes.begin(), episodes.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  const auto twice =
      std::adjacent_find(episodes.begin(), episodes.end(), [](const auto& a, const auto& b) { return a.id == b.id; });
  if (twice != episodes.end()) {
    root.fail("episodes", "episode_id " + std::to_string(twice->id) + " twice", "each episode_id once");
  }
  return episodes;
}

std::optional<std::pair<int64_t, int64_t>> read_seeds_tried(const FieldReader& root) {
  if (!root.has("seeds_tried")) return std::nullopt;
  const json& seeds = root.list("seeds_tried");
  if (seeds.size() != 2 || !seeds[0].is_number_integer() || !seeds[1].is_number_integer() || seeds[0] > seeds[1]) {
    root.fail("seeds_tried", seeds.dump().substr(0, 40), "[first, last], two integers");
  }
  return std::pair{seeds[0].get<int64_t>(), seeds[1].get<int64_t>()};
}

}  // namespace

ManiSkillMetadata read_maniskill_metadata(const std::string& path) {
  const json document = parse_file(path);
  const FieldReader root(document, path + ":");
  const FieldReader environment = root.object("env_info");
  ManiSkillMetadata metadata;
  metadata.task = environment.text("env_id");
  if (root.has("instruction")) metadata.instruction = root.text("instruction");
  metadata.seeds_tried = read_seeds_tried(root);
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
