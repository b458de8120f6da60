#include <fmt/core.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>
#include <physgen/core/version.h>
#include <physgen/device/machine.h>
#include <physgen/device/precision.h>
#include <physgen/rollout/evaluation.h>
#include <physgen/rollout/report.h>
#include <physgen/rollout/simulator_process.h>

#include "acting_policy.h"
#include "command_line.h"
#include "commands.h"
#include "files/atomic_file.h"
#include "policy_options.h"
#include "rollout/evaluation_summary.h"
#include "rollout/shard.h"
#include "shared_options.h"
#include "simulator_options.h"
#include "stop_signal.h"

namespace physgen {
namespace {

struct RolloutOptions {
  RolloutConfig config;
  EvaluationOptions evaluation;
  SimulatorConfig simulator;
  int64_t threads = 0;             // of each worker's policy; 0: the cores are shared
  std::vector<std::string> tasks;  // names or numbers; all without any
  bool swap_instructions = false;
  std::string shard;  // "2/8" or "auto"; all episodes without any
  bool batch = false;
  RoundBatcherOptions batcher;
  std::string server;  // "ws://HOST:PORT"; none: a checkpoint acts
  std::string token_file;
  RemoteOptions remote;
  bool json = false;
};

int64_t usual_size(const PolicyDescription& policy) {
  constexpr int64_t kFallback = 128;
  if (policy.frame_height > 0) return policy.frame_height;
  spdlog::warn("the checkpoint does not say how large its pictures were: {} pixels are rendered; --size changes that",
               kFallback);
  return kFallback;
}

// What the evaluation depends on.
void adopt(const PolicyDescription& policy, RolloutConfig& config) {
  config.checkpoint_sha256 = policy.checkpoint_sha256;
  config.data_sha256 = policy.data_sha256;
  config.cameras = policy.cameras;
  config.control_mode = policy.control_mode;
  config.execute = policy.execute;
  if (config.size == 0) config.size = usual_size(policy);
  config.excluded_seeds = policy.seeds_tried;
}

std::unique_ptr<Environment> start_simulator(const SimulatorConfig& config, const PolicyDescription& policy) {
  auto simulator = std::make_unique<SimulatorProcess>(config);
  if (simulator->action_width() != policy.action_width) {
    throw ConfigError({.what = "the task takes other actions than the policy was trained for",
                       .where = "--env " + config.simulator + ":" + config.task,
                       .got = std::to_string(simulator->action_width()) + " numbers an action",
                       .expected = std::to_string(policy.action_width)});
  }
  return simulator;
}

// Numbers count from 0 in the suite's order.
size_t place_of(const std::string& task, const std::vector<std::string>& names) {
  const auto named = std::find(names.begin(), names.end(), task);
  if (named != names.end()) return static_cast<size_t>(named - names.begin());
  size_t number = names.size();
  const auto [end, failure] = std::from_chars(task.data(), task.data() + task.size(), number);
  if (failure == std::errc() && end == task.data() + task.size() && number < names.size()) return number;
  const std::string near = suggestion(task, names);
  throw ConfigError({.what = "there is no such task",
                     .where = "--tasks",
                     .got = "\"" + task + "\"",
                     .expected = fmt::format("a name, or a number from 0 to {}", names.size() - 1),
                     .next_step = near.empty() ? "the names: " + comma_separated(names) : near});
}

void check_initial_states(const RolloutConfig& config, int64_t there) {
  if (there == 0 || config.seed + config.episodes <= there) return;
  throw ConfigError({.what = "there are fewer initial states than asked for",
                     .where = "--seed and --episodes-per-task",
                     .got = fmt::format("{} to {}", config.seed, config.seed + config.episodes - 1),
                     .expected = fmt::format("0 to {}", there - 1)});
}

// Of all the tasks; 0 where they differ.
int64_t common_limit(const std::vector<SimulatorTask>& tasks) {
  const int64_t first = tasks.front().max_steps;
  const bool same = std::all_of(tasks.begin(), tasks.end(), [&](const auto& task) { return task.max_steps == first; });
  return same ? first : 0;
}

// Fills in the tasks, the limit of an episode and, where they are swapped, the instructions.
// @return what the policy will be told, one a task
std::vector<std::string> choose_tasks(RolloutOptions& options, const SimulatorDescription& simulator) {
  RolloutConfig& config = options.config;
  check_initial_states(config, simulator.initial_states);
  const std::vector<std::string> names = simulator.task_names();
  std::vector<std::string> told;
  for (const std::string& task : options.tasks.empty() ? names : options.tasks) {
    const size_t place = place_of(task, names);
    config.tasks.push_back(names[place]);
    told.push_back(simulator.tasks[place].instruction);
  }
  if (options.swap_instructions) {
    std::rotate(told.begin(), told.begin() + 1, told.end());
    config.instructions = told;
  }
  if (config.max_steps == 0) config.max_steps = common_limit(simulator.tasks);
  return told;
}

void warn_of_new_instructions(std::vector<std::string> told, const ActingPolicy& policy) {
  if (!policy.knows) return;
  std::erase_if(told, policy.knows);
  if (!told.empty()) spdlog::warn("the policy was never trained on: {}", comma_separated(told));
}

void warn_of_another_rate(double simulator, double policy) {
  if (policy == 0 || std::abs(simulator / policy - 1) < 0.01) return;
  spdlog::warn(
      "the policy learned from {:g} control steps a second, and the simulator makes {:g}: its actions take another "
      "time than they were meant to",
      policy, simulator);
}

int64_t threads_of(const RolloutOptions& options) {
  if (options.threads > 0) return options.threads;
  return std::max<int64_t>(1, compute_threads() / std::max<int64_t>(1, options.evaluation.workers));
}

void check_batch(const RolloutOptions& options) {
  if (!options.batch || options.evaluation.workers > 1) return;
  throw ConfigError({.what = "one worker has nobody to share its rounds with",
                     .where = "--batch",
                     .got = "--workers 1",
                     .expected = "--workers 2 or more",
                     .next_step = "leave out --batch, or let more workers run"});
}

// A batch takes the threads of all workers.
RoundBatcherOptions batching_of(const RolloutOptions& options, int64_t all_threads) {
  RoundBatcherOptions batcher = options.batcher;
  const int64_t workers = options.evaluation.workers;
  batcher.controllers = workers;
  batcher.threads = options.threads > 0 ? options.threads * workers : all_threads;
  return batcher;
}

ActingPolicy policy_of(RolloutOptions& options, int64_t all_threads) {
  RolloutConfig& config = options.config;
  if (config.checkpoint.empty() && options.server.empty()) {
    throw ConfigError({.what = "there is no policy to act",
                       .where = "--checkpoint",
                       .got = "",
                       .expected = "--checkpoint FOLDER, or --policy ws://HOST:PORT of physgen serve"});
  }
  if (options.server.empty()) {
    const RoundBatcherOptions batching = batching_of(options, all_threads);
    return policy_in_process(config, options.evaluation.imagine, options.batch ? &batching : nullptr);
  }
  config.checkpoint = options.server;
  if (!options.token_file.empty()) options.remote.token = token_in(options.token_file);
  return policy_of_server(options.server, options.remote);
}

void print_batches(std::FILE* where, const RoundBatcher& batcher) {
  const RoundBatcher::Counts counts = batcher.counts();
  fmt::print(where, "{} of {} rounds in {} batches\n", counts.batched, counts.batched + counts.alone, counts.batches);
}

void show_progress(std::FILE* where, const EpisodeRecord& record, const EvaluationSummary& so_far) {
  const bool terminal = isatty(fileno(where));
  const char* outcome = !record.infrastructure_error.empty() ? "no result" : record.success ? "success" : "failure";
  const int64_t done = so_far.finished + so_far.infrastructure_errors;
  fmt::print(where, "{}{}/{}  episode {}  {}  seed {}  {}  {} control steps  {:.1f} s  {:.0f} ms a round",
             terminal ? "\r\033[K" : "", done, so_far.episodes, record.episode, record.task, record.seed, outcome,
             record.control_steps, record.seconds, record.policy_ms_p50);
  if (terminal) fmt::print(where, "  |  {:.1f} % so far", 100 * so_far.success_rate);
  if (!terminal || done == so_far.episodes) fmt::print(where, "\n");
  std::fflush(where);
}

constexpr double kMostTold = 10;  // beyond, the simulator takes no time worth telling

void print_successes(const EvaluationResult& result, const std::filesystem::path& page) {
  const EvaluationSummary& summary = result.summary;
  if (result.tasks.size() > 1) {
    for (const TaskSummary& task : result.tasks) {
      fmt::print("{:<40} {}\n", success_text(task.summary), task.task);
    }
  }
  fmt::print("{}\n", success_text(summary));
  fmt::print("{:.0f} control steps to a success, {:.0f} ms a round (medians)", summary.median_control_steps,
             summary.ms_per_round);
  if (summary.slowdown < kMostTold) fmt::print("; {:.2f} times what the simulator alone took", summary.slowdown);
  fmt::print("\n");
  fmt::print("{}\n", page.string());
}

void conclude(const EvaluationResult& result, const RolloutOptions& given, int signal) {
  const RolloutConfig& config = given.config;
  const EvaluationOptions& options = given.evaluation;
  const std::filesystem::path page = std::filesystem::path(options.out) / "report.html";
  const EvaluationReport report{options.out, config, result, options.command, version_text()};
  write_file_atomically(page, html_of(report));
  const EvaluationSummary& summary = result.summary;
  if (given.json) fmt::print("{}", summary_json(report));
  if (summary.episodes == 0 && !given.json) {
    fmt::print("shard {} has no episode: the evaluation has {}\n", config.shard, plan_episodes(config).size());
    return;
  }
  if (!given.json) print_successes(result, page);
  if (result.stopped) {
    requeue_after(signal);
    throw Interrupted({.what = fmt::format("stopped after {} of {} episodes", result.records.size(), summary.episodes),
                       .where = options.out,
                       .got = "",
                       .expected = "",
                       .next_step = "the same command continues"},
                      signal);
  }
  if (summary.infrastructure_errors > 0) {
    throw Error({.what = fmt::format("the simulator spoiled {} episodes", summary.infrastructure_errors),
                 .where = (std::filesystem::path(options.out) / "episodes.jsonl").string(),
                 .got = fmt::format("{} results", summary.finished),
                 .expected = std::to_string(summary.episodes),
                 .next_step = "mend the cause given there; the same command tries those episodes again"});
  }
}

// A shard has a folder of its own.
void choose_shard(RolloutOptions& options) {
  if (options.shard.empty()) return;
  const Shard shard = chosen_shard(options.shard);
  options.config.shard = shard.text();
  options.evaluation.out = std::filesystem::path(options.evaluation.out) / shard.folder();
}

void run_rollout(RolloutOptions options) {
  check_batch(options);
  options.evaluation.command = command_line();
  choose_shard(options);
  options.config.worker = options.simulator.worker;
  const SimulatorDescription description =
      SimulatorProcess::describe(simulator_of(options.config, options.simulator));  // before the policy takes its time
  const int64_t all_threads = compute_threads();
  set_compute_threads(threads_of(options));
  const ActingPolicy policy = policy_of(options, all_threads);
  adopt(policy.description, options.config);
  warn_of_new_instructions(choose_tasks(options, description), policy);
  warn_of_another_rate(description.control_rate, policy.description.control_rate);
  SimulatorConfig simulator = simulator_of(options.config, options.simulator);
  simulator.state = policy.description.state_width > 0;
  const auto make_environment = [&](bool record) {
    SimulatorConfig config = simulator;
    config.record = record;
    return start_simulator(config, policy.description);
  };
  const StopSignal stop;
  std::FILE* where = options.json ? stderr : stdout;
  const EvaluationResult result = evaluate(
      options.config, options.evaluation, make_environment, policy.make,
      [&](const auto& record, const auto& so_far) { show_progress(where, record, so_far); }, stop.requested());
  if (policy.batcher) print_batches(where, *policy.batcher);
  conclude(result, options, stop.received());
}

void add_server_options(CLI::App& command, RolloutOptions& options) {
  CLI::Option* server = command.add_option("--policy", options.server,
                                           "Server whose policy acts, such as ws://localhost:8000 of physgen serve");
  for (const char* flag : {"--checkpoint", "--device", "--precision", "--execute", "--sampler", "--denoising-steps",
                           "--lookahead", "--when-full", "--batch", "--imagine"}) {
    server->excludes(command.get_option(flag));
  }
  command.add_option("--token-file", options.token_file, "File with the token that the server asks for")->needs(server);
  command.add_option("--ca", options.remote.authorities, "PEM file of the certificates to believe, for wss://")
      ->needs(server);
}

void add_environment_options(CLI::App& command, RolloutOptions& options) {
  RolloutConfig& config = options.config;
  SimulatorConfig& simulator = options.simulator;
  command
      .add_option("--env", config.environment,
                  "maniskill:TASK, such as maniskill:PushCube-v1, libero:SUITE, or NAME:TASK of a --worker")
      ->required();
  command.add_option("--tasks", options.tasks, "Tasks of a suite, names or numbers from 0; without it, all");
  command.add_flag("--swap-instructions", options.swap_instructions,
                   "Tell the policy in each task what the next one asks for: shows whether it listens");
  command.add_option("--episodes,--episodes-per-task", config.episodes, "Episodes of each task")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  add_seed_option(command, config.seed,
                  "Seed of each task's first episode, in LIBERO the number of its initial state; "
                  "seeds seen by the demonstrator are skipped");
  command.add_option("--size", config.size, "Height and width of the rendered pictures; without it, as in training")
      ->check(CLI::Range(8, 4096));
  command
      .add_option("--max-steps", config.max_steps,
                  "Control steps after which an episode has failed; without it, each task's usual limit")
      ->check(CLI::Range(1, 1'000'000));
  add_worker_options(command, simulator);
  command.add_option("--deadline", simulator.deadline_seconds, "Seconds a reset or step may take before it is retried")
      ->capture_default_str();
}

void add_evaluation_options(CLI::App& command, RolloutOptions& options) {
  EvaluationOptions& evaluation = options.evaluation;
  command
      .add_option("--out", evaluation.out, "Folder to write the results to; those of the same command are continued")
      ->required();
  command.add_option(
      "--shard", options.shard,
      "Share of the episodes to run, such as 2/8, into a folder of its own in --out; auto: the place in a "
      "Slurm array, or RANK of WORLD_SIZE; report --merge joins them");
  add_workers_option(command, evaluation.workers);
  command.add_option("--retries", evaluation.retries, "Retries of an episode that the simulator spoils")
      ->capture_default_str();
  add_threads_option(command, options.threads, " for each worker's policy; without it, the cores are shared");
  add_batch_options(command, options.batch, options.batcher,
                    "Compute the rounds of workers that ask at about the same time as one batch");
  command.add_option("--video", evaluation.video, "Folder to write MP4 files of each task's first episodes to");
  command.add_option("--videos", evaluation.videos, "Episodes of each task to film")->capture_default_str();
  command.add_flag("--imagine", evaluation.imagine,
                   "Show in the videos the canvas that the policy expected to see next");
  add_json_option(command, options.json)->description("Print the summary as JSON, and progress to stderr");
}

}  // namespace

void add_rollout_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("rollout", "Let a policy act in a simulator and count its successes");
  const auto options = std::make_shared<RolloutOptions>();
  options->config.device = "auto";
  add_policy_options(*command, options->config);
  add_environment_options(*command, *options);
  add_evaluation_options(*command, *options);
  add_server_options(*command, *options);
  command->callback([options] { run_rollout(*options); });
}

}  // namespace physgen
