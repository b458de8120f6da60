#include <fmt/core.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <physgen/core/error.h>
#include <physgen/rollout/report.h>
#include <physgen/rollout/simulator_process.h>

#include "command_line.h"
#include "commands.h"
#include "json_output.h"
#include "progress_line.h"
#include "rollout/recorded_actions.h"
#include "shared_options.h"
#include "simulator_options.h"
#include "stop_signal.h"

namespace physgen {
namespace {

struct ReplayOptions {
  std::string folder;
  EvaluationOptions evaluation;
  SimulatorConfig simulator;
  bool json = false;
};

/// The episodes of both, and how long those that were not filmed took in each.
struct ReplayComparison {
  int64_t episodes = 0;
  int64_t same = 0;
  double recorded_seconds = 0;
  double replayed_seconds = 0;
};

ReplayComparison compare_with(const EvaluationReport& recorded, const EvaluationResult& replayed) {
  std::map<int64_t, const EpisodeRecord*> before;
  for (const EpisodeRecord& record : recorded.result.records) before[record.episode] = &record;
  ReplayComparison comparison;
  for (const EpisodeRecord& record : replayed.records) {
    const EpisodeRecord& first = *before.at(record.episode);
    ++comparison.episodes;
    comparison.same += first.success == record.success && first.control_steps == record.control_steps;
    if (!first.video.empty() || !record.infrastructure_error.empty()) continue;  // filming takes time of its own
    comparison.recorded_seconds += first.seconds;
    comparison.replayed_seconds += record.seconds;
  }
  return comparison;
}

void print(const ReplayComparison& comparison) {
  fmt::print("{} of {} episodes end as before, after as many control steps\n", comparison.same, comparison.episodes);
  if (comparison.replayed_seconds > 0) {
    fmt::print(
        "the evaluation took {:.1f} s of its workers, the same actions without a policy {:.1f} s: {:.2f} times\n",
        comparison.recorded_seconds, comparison.replayed_seconds,
        comparison.recorded_seconds / comparison.replayed_seconds);
  }
}

nlohmann::ordered_json json_of(const ReplayComparison& comparison) {
  return {{"episodes", comparison.episodes},
          {"same", comparison.same},
          {"recorded_seconds", comparison.recorded_seconds},
          {"replayed_seconds", comparison.replayed_seconds}};
}

EvaluationReport finished_evaluation(const ReplayOptions& options) {
  EvaluationReport recorded = read_evaluation(options.folder);
  if (std::filesystem::weakly_canonical(options.folder) == std::filesystem::weakly_canonical(options.evaluation.out)) {
    throw ConfigError({.what = "a replay needs a folder of its own",
                       .where = "--out",
                       .got = options.evaluation.out + ", the evaluation's",
                       .expected = "another folder"});
  }
  if (recorded.result.stopped) {
    throw ConfigError(
        {.what = "the evaluation is not finished",
         .where = options.folder,
         .got = fmt::format("{} of {} episodes", recorded.result.summary.finished, recorded.result.summary.episodes),
         .expected = "all of them",
         .next_step = "finish it with its own command"});
  }
  return recorded;
}

void replay(ReplayOptions options) {
  const EvaluationReport recorded = finished_evaluation(options);
  options.evaluation.command = command_line();
  RolloutConfig config = recorded.config;
  config.replays = options.folder;
  const SimulatorConfig simulator = simulator_of(recorded.config, options.simulator);
  config.worker = simulator.worker;
  const auto make_environment = [&](bool) { return std::make_unique<SimulatorProcess>(simulator); };
  const auto make_policy = [&] { return recorded_policy(options.folder, recorded.config); };
  const StopSignal stop;
  ProgressLine line;
  const auto progress = [&](const EpisodeRecord& record, const EvaluationSummary& so_far) {
    line.show("episode", so_far.finished + so_far.infrastructure_errors, so_far.episodes, record.task);
  };
  const EvaluationResult result =
      evaluate(config, options.evaluation, make_environment, make_policy, progress, stop.requested());
  line.clear();
  const ReplayComparison comparison = compare_with(recorded, result);
  options.json ? print_json(json_of(comparison)) : print(comparison);
  if (result.stopped) throw Interrupted({.what = "stopped", .where = options.evaluation.out}, stop.received());
}

}  // namespace

void add_replay_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "replay", "Repeat an evaluation's actions: do its episodes end as before, and what does the policy cost?");
  const auto options = std::make_shared<ReplayOptions>();
  command->add_option("evaluation", options->folder, "The --out folder of physgen rollout")->required();
  command->add_option("--out", options->evaluation.out, "Folder to write the results to")->required();
  add_workers_option(*command, options->evaluation.workers);
  add_worker_options(*command, options->simulator);
  add_json_option(*command, options->json);
  command->callback([options] { replay(*options); });
}

}  // namespace physgen
