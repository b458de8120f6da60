#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <physgen/rollout/report.h>

namespace physgen {

struct ShardMergeOptions {
  std::filesystem::path out;   ///< folder to write; an earlier merge there is replaced
  bool allow_missing = false;  ///< merge what is there
  std::string command = {};    ///< what made it, kept in summary.json for its reader
};

struct ShardMerge {
  EvaluationReport report;             ///< of the folder that was written
  std::vector<int64_t> missing = {};   ///< episodes that no shard has a result of
  std::vector<int64_t> repeated = {};  ///< episodes of which several shards have the same result; the first counts
};

/// "0, 8, 16"; of many the first, " and 19 more".
std::string episode_list(const std::vector<int64_t>& episodes);

/// Writes the folder that the evaluation would have left in one piece: its config, its records in order, the executed
/// actions, the summary and the page. The folder appears whole or not at all. The films stay where they are.
/// Throws ConfigError where the shards are of different checkpoints, environments, seeds or protocols, where episodes
/// are missing and may not, and where `out` holds something else; FormatError for an episode with two results and for
/// what is damaged.
ShardMerge merge_shards(const std::vector<std::filesystem::path>& shards, const ShardMergeOptions& options);

}  // namespace physgen
