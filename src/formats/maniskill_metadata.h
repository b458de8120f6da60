#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace physgen {

/// One entry of `episodes` in a ManiSkill JSON file.
struct EpisodeMetadata {
  int64_t id = 0;  ///< of the group traj_<id>
  int64_t seed = -1;
  int64_t elapsed_steps = 0;
  std::string control_mode;
  bool success = true;  ///< also where it is not told
};

/// What ManiSkill writes beside an HDF5 file, as far as it is used, with two fields of our own: `instruction` and
/// `seeds_tried`.
struct ManiSkillMetadata {
  std::string task;
  std::string instruction;  ///< "" without one
  std::optional<std::pair<int64_t, int64_t>> seeds_tried;
  std::vector<EpisodeMetadata> episodes;  ///< sorted by id, each id once
  int64_t without_success = 0;            ///< episodes that do not tell theirs
};

/// Throws FormatError when the file is missing, is not JSON, or lacks a field or has it in another type.
ManiSkillMetadata read_maniskill_metadata(const std::string& path);

/// The instruction of ManiSkill's tasks that RDT's protocol gives one, or "".
std::string known_instruction(const std::string& task);

}  // namespace physgen
