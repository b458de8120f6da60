#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <physgen/core/statistics.h>

namespace physgen {

/// How one episode of an evaluation went.
struct EpisodeRecord {
  int64_t episode = 0;    ///< 0 to episodes - 1
  std::string task = {};  ///< the simulator's name of it
  int64_t seed = 0;       ///< what the simulator was reset with
  bool success = false;
  int64_t control_steps = 0;
  int64_t rounds = 0;                     ///< how often the policy was asked
  double seconds = 0;                     ///< of the attempt that counts
  double policy_ms_p50 = 0;               ///< median time that the policy took to answer
  double policy_seconds = 0;              ///< of them the simulator waited for the policy
  int64_t retries = 0;                    ///< attempts that the simulator spoiled
  std::string video = {};                 ///< the file, or empty
  std::string infrastructure_error = {};  ///< not empty: the simulator spoiled every attempt, and there is no result
};

/// An evaluation in numbers.
struct EvaluationSummary {
  int64_t episodes = 0;  ///< asked for
  int64_t finished = 0;  ///< with a result
  int64_t successes = 0;
  int64_t infrastructure_errors = 0;  ///< episodes without a result: no failures of the policy
  int64_t retries = 0;
  double success_rate = 0;          ///< successes / finished
  Interval interval;                ///< Wilson's, 95 %
  double median_control_steps = 0;  ///< of the successful episodes
  double ms_per_round = 0;          ///< median over the episodes of the policy's median time
  double slowdown = 1;              ///< time of the episodes over what the simulator alone took in them
};

/// The episodes of one task in numbers.
struct TaskSummary {
  std::string task;
  EvaluationSummary summary;
};

/// @param episodes  how many of each task were asked for, in the tasks' order
std::vector<TaskSummary> summarize_tasks(const std::vector<EpisodeRecord>& records,
                                         const std::vector<std::string>& tasks, const std::vector<int64_t>& episodes);

/// @param episodes  how many were asked for
EvaluationSummary summarize(const std::vector<EpisodeRecord>& records, int64_t episodes);

/// "success 47 of 50 (94.0 %, 95 % interval 83.8 to 97.9 %)"
std::string success_text(const EvaluationSummary& summary);

}  // namespace physgen
