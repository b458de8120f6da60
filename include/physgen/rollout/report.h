#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <physgen/rollout/evaluation.h>

namespace physgen {

/// A shard that an evaluation was merged from.
struct MergedShard {
  std::string folder;
  std::string shard;    ///< "2/8"; empty: a whole evaluation
  std::string command;  ///< that ran it; empty where it is not known
  std::string version;  ///< of the program that ran it
};

/// A finished or unfinished evaluation, read from its output folder.
struct EvaluationReport {
  std::filesystem::path folder;
  RolloutConfig config;
  EvaluationResult result = {};
  std::string command = {};              ///< that made it; empty where it is not known
  std::string version = {};              ///< of the program that made it
  std::vector<MergedShard> shards = {};  ///< that it was merged from; empty: it was run as it is
};

/// Throws ConfigError for a folder without an evaluation, FormatError for a damaged one.
EvaluationReport read_evaluation(const std::filesystem::path& folder);

/// One page that needs no network: the outcome by task with Wilson's intervals, then every episode, failures first,
/// with films, and what is needed to do it again.
std::string html_of(const EvaluationReport& report);

/// Two evaluations, episode by episode: those of the same task and seed.
struct PairedComparison {
  int64_t both = 0;    ///< episodes in which both succeeded
  int64_t first = 0;   ///< the first alone
  int64_t second = 0;  ///< the second alone
  int64_t neither = 0;
  int64_t unpaired = 0;  ///< finished in one of the two only
  double p_value = 1;    ///< McNemar's exact test, two-sided: how likely such a difference is if there is none
};

/// Throws ConfigError when they have no episode in common.
PairedComparison compare(const EvaluationReport& first, const EvaluationReport& second);

}  // namespace physgen
