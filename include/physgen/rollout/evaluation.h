#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <physgen/core/matrix.h>
#include <physgen/policy/controller.h>
#include <physgen/rollout/environment.h>
#include <physgen/rollout/episode_record.h>

namespace physgen {

/// Everything that an evaluation's results depend on, kept as rollout.json in the output folder. `evaluate` itself
/// reads tasks, instructions, episodes, seed, excluded_seeds and shard; the rest says what the caller's environments
/// and policies do.
struct RolloutConfig {
  std::string checkpoint;                 ///< folder; for the reader alone, `checkpoint_sha256` decides
  std::string checkpoint_sha256;          ///< of its MANIFEST.json
  std::string data_sha256;                ///< of what the policy was trained on; empty: not known
  std::string replays;                    ///< an evaluation whose actions were repeated; empty: the policy acted
  std::string environment;                ///< "maniskill:PushCube-v1", "libero:libero_object"
  std::string worker;                     ///< the simulator's own program; for the reader alone; empty: a known one
  std::vector<std::string> tasks;         ///< of the environment, in the order of their episodes
  std::vector<std::string> instructions;  ///< what the policy is told in each task; empty: what the simulator says
  std::vector<std::string> cameras;
  int64_t size = 0;  ///< height and width of a picture, pixels; 0: as in training
  std::string control_mode;
  int64_t max_steps = 0;  ///< control steps of an episode at most; 0: each task's usual limit
  int64_t episodes = 50;  ///< of each task
  int64_t seed = 0;       ///< the first of each task; then upward
  std::vector<std::pair<int64_t, int64_t>> excluded_seeds;  ///< first and last of each range to skip
  int64_t execute = 0;  ///< control steps between two answers of the policy; 0: not said
  std::string device;
  std::string precision = "auto";  ///< of the policy, as PolicyOptions::precision
  std::string sampler;
  int64_t denoising_steps = 0;
  std::string lookahead;
  std::string when_full;
  std::string shard;  ///< "2/8": the part of the episodes that are run; empty: all
};

template <class Field>
void describe(RolloutConfig& config, Field& field) {
  field("checkpoint", config.checkpoint);
  field("checkpoint_sha256", config.checkpoint_sha256);
  field("data_sha256", config.data_sha256);
  field("replays", config.replays);
  field("environment", config.environment);
  field("worker", config.worker);
  field("tasks", config.tasks);
  field("instructions", config.instructions);
  field("cameras", config.cameras);
  field("size", config.size, {.least = 0});
  field("control_mode", config.control_mode);
  field("max_steps", config.max_steps, {.least = 0});
  field("episodes", config.episodes, {.least = 1});
  field("seed", config.seed, {.least = 0});
  field("excluded_seeds", config.excluded_seeds);
  field("execute", config.execute, {.least = 0});
  field("device", config.device);
  field("precision", config.precision);
  field("sampler", config.sampler);
  field("denoising_steps", config.denoising_steps, {.least = 0});
  field("lookahead", config.lookahead);
  field("when_full", config.when_full);
  field("shard", config.shard);
}

/// The seed of all that a policy draws in an episode.
uint64_t policy_seed(const EpisodeStart& start);

/// How an evaluation is carried out; no result depends on it, up to the rounding of sums in other orders.
struct EvaluationOptions {
  std::string out;      ///< folder for rollout.json, episodes.jsonl, summary.json and the executed actions
  int64_t workers = 1;  ///< episodes at the same time, each with a simulator and a policy of its own
  int64_t retries = 3;  ///< of an episode that the simulator spoils
  std::string video;    ///< folder for MP4 files of the first episodes of each task; empty: none
  int64_t videos = 10;
  std::string command;   ///< what made it, kept in summary.json for its reader
  bool imagine = false;  ///< beside what the first camera saw, the videos show the canvas that the policy expected next
};

/// What acts in one worker's episodes.
struct RolloutPolicy {
  std::function<void(const std::string& instruction, const EpisodeStart& start)> reset;
  /// The next actions [k, A]. `executed` are the rows executed since the last call; empty at the first of an episode.
  std::function<Matrix(const Observation& observation, const Matrix& executed)> act;
  int64_t execute = 1;  ///< rows of an answer to execute before the next call
  /// The frame expected after the actions of the last answer; needed for EvaluationOptions::imagine alone.
  std::function<Image()> imagine = {};
};

/// Both are called in the worker's thread, which uses what they make. `record`: Perception::frames must be filled.
using MakeEnvironment = std::function<std::unique_ptr<Environment>(bool record)>;
using MakePolicy = std::function<RolloutPolicy()>;
/// Called after every finished episode, by one thread at a time.
using EvaluationProgress = std::function<void(const EpisodeRecord& record, const EvaluationSummary& so_far)>;

struct EvaluationResult {
  std::vector<EpisodeRecord> records;  ///< by episode; those of earlier runs included
  EvaluationSummary summary;
  std::vector<TaskSummary> tasks;  ///< in the config's order
  bool stopped = false;            ///< episodes were not run yet: `stop` ended it before the last
};

/// An episode that is to be run.
struct PlannedEpisode {
  EpisodeStart start;
  std::string instruction;  ///< what the policy is told; empty: what the simulator says
  int64_t number = 0;       ///< among the episodes of its task
};

/// The episodes of an evaluation: one task after the other, each with the same seeds. Throws ConfigError for a config
/// without tasks, with one twice, with another number of instructions, and as `episode_seeds` does.
std::vector<PlannedEpisode> plan_episodes(const RolloutConfig& config);

/// The seeds of the episodes: `count` of them from `first` upward without those in the ranges `excluded` (both ends
/// included). Throws ConfigError for a range that ends before it begins.
std::vector<int64_t> episode_seeds(int64_t first, int64_t count, std::vector<std::pair<int64_t, int64_t>> excluded);

/// The records in the order of their episodes, and what they come to among those of the config's shard.
EvaluationResult result_of(std::vector<EpisodeRecord> records, const RolloutConfig& config);

/// Runs the episodes of the config's shard that the output folder does not have yet. Each result is on the disk before
/// its worker goes on, so an evaluation that was interrupted, however hard, continues where it stopped and never
/// repeats a finished episode. An episode that a SimulatorFailure spoils is tried again from its start, with a new
/// environment. The results depend neither on the number of workers nor on such failures, and those of an episode not
/// on the shard either.
/// @param stop  ends the evaluation at the next round of each worker
/// Throws ConfigError for options out of range and when the folder holds an evaluation with another config or is in
/// use, FormatError when its record is damaged, SimulatorFailure when the simulator cannot even be started, and what
/// policy and environment throw.
EvaluationResult evaluate(const RolloutConfig& config, const EvaluationOptions& options,
                          const MakeEnvironment& make_environment, const MakePolicy& make_policy,
                          const EvaluationProgress& progress, const std::atomic<bool>& stop);

}  // namespace physgen
