#pragma once

#include <functional>
#include <string>
#include <vector>

#include <physgen/data/demonstration_dataset.h>
#include <physgen/policy/policy_config.h>
#include <physgen/train/finetune_config.h>

#include "data/clip_sampler.h"

namespace physgen {

/// The demonstrations of one path, read but for their frames.
struct DemonstrationSet {
  std::vector<std::string> files;  ///< HDF5 files and LeRobot folders
  DemonstrationDataset dataset;
  std::vector<Episode> episodes;
  EpisodeSplit split;
  std::string hashes;  ///< of the files: `hashes_of_demonstrations`
};

/// Reads every path as a dataset of its own and draws the episodes to hold out.
/// @param control_mode  of the actions, converted where they were recorded in another; empty: as recorded
/// @param resample      as DemonstrationDataset's
/// Throws ConfigError for a path that does not exist and for datasets that do not go together (control mode, action
/// width, state width), FormatError for everything that is wrong inside.
std::vector<DemonstrationSet> read_demonstrations(const std::vector<std::string>& paths, const std::string& instruction,
                                                  double held_out, uint64_t seed, const std::string& control_mode = "",
                                                  double resample = 0);

/// `sha256_lines` of demonstration files, with the JSON that lies beside ManiSkill's.
std::string hashes_of_demonstrations(const std::vector<std::string>& files);

/// Says what looks like demonstrations and is not read. @param note  may be empty
void note_left_out(const DemonstrationDataset& dataset, const std::function<void(const std::string&)>& note);

/// Throws ConfigError naming a camera that one of the datasets lacks.
void require_cameras(const std::vector<DemonstrationSet>& sets, const std::vector<std::string>& cameras);

/// Writes into a policy's config what the data say: size of the frames, control mode, tasks, instructions, the
/// statistics of the training episodes, the seeds that the demonstrator tried and the SHA-256 of the files. Throws
/// ConfigError for a camera that is not there and a state token without states.
void describe_data(const std::vector<DemonstrationSet>& sets, Normalization normalization, PolicyConfig& config);

}  // namespace physgen
