#include "training_command.h"

#include <fmt/core.h>

#include <memory>
#include <vector>

#include <physgen/core/config.h>
#include <physgen/train/trainer.h>

#include "run_display.h"
#include "stop_signal.h"

namespace physgen {
namespace {

struct TrainingOptions {
  TrainingGoal goal = TrainingGoal::frames_and_actions;
  FinetuneJob job;
  std::string config;
  std::vector<std::string> assignments;
  int64_t steps = 0;
  bool print_config = false;
};

FinetuneConfig config_of(const TrainingOptions& options, FinetuneConfig config) {
  ConfigDocument document =
      options.config.empty() ? ConfigDocument::parse("{}", "--set") : ConfigDocument::load(options.config);
  for (const std::string& assignment : options.assignments) document.set(assignment);
  if (options.steps > 0) document.set("steps=" + std::to_string(options.steps));
  config = document.read(config);
  if (options.goal == TrainingGoal::frames) config.loss.action = false;
  return config;
}

// What was not given anew stays as the run that is resumed had it.
FinetuneJob job_of(const TrainingOptions& options) {
  const FinetuneJob& given = options.job;
  FinetuneJob job;
  if (given.resume) job = recorded_job(given.out).value_or(job);
  job.config = config_of(options, job.config);
  if (!given.data.empty()) job.data = given.data;
  if (!given.weights.empty()) job.weights = given.weights;
  if (!given.cameras.empty()) job.cameras = given.cameras;
  if (!given.vae.empty()) job.vae = given.vae;
  if (!given.init.empty()) job.init = given.init;
  if (!given.instruction.empty()) job.instruction = given.instruction;
  job.out = given.out;
  job.cache = given.cache;
  job.device = given.device;
  job.resume = given.resume;
  return job;
}

void run_training(const TrainingOptions& options) {
  const FinetuneJob job = job_of(options);
  if (options.print_config) {
    fmt::print("{}\n", write_config(job.config));
    return;
  }
  const StopSignal stop;
  RunDisplay display;
  const TrainingResult result = finetune(job, display.callbacks(), stop.requested());
  conclude(result, job.out, stop.received(), "act with");
}

void add_input_options(CLI::App& command, FinetuneJob& job) {
  command.add_option("--data", job.data,
                     "demonstrations: HDF5 files, LeRobot data sets or folders of them; each is a dataset of its own");
  command.add_option("--weights", job.weights, "how often each --data is drawn from, as 1,2; without it by its size")
      ->delimiter(',');
  command.add_option("--vae", job.vae, "a VAE checkpoint, for a policy that starts from nothing");
  command.add_option("--init", job.init,
                     "a policy to start from, such as RUN/best, or a backbone, such as nova:FOLDER");
  command.add_option("--instruction", job.instruction, "what the robot is asked to do, in place of the data's own");
  command.add_option("--camera", job.cameras, "cameras on the canvas, from left to right");
}

void add_run_options(CLI::App& command, TrainingOptions& options) {
  command.add_option("--out", options.job.out, "the run folder: best/, step-N/, metrics.jsonl");
  command.add_option("--cache", options.job.cache, "where encoded frames are kept; without it in the run folder");
  command.add_option("--config", options.config,
                     "a JSON file of the run's settings, such as configs/maniskill_finetune.json");
  command.add_option("--set", options.assignments, "one setting more, as optimizer.weight_decay=0")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--steps", options.steps, "steps of the whole run")->check(CLI::PositiveNumber);
  command.add_option("--device", options.job.device, "auto, cpu, cuda or cuda:1")->capture_default_str();
  command.add_flag("--resume", options.job.resume, "go on with the run of the folder");
  command.add_flag("--print-config", options.print_config, "print the settings and stop");
}

}  // namespace

void add_training_command(CLI::App& app, const std::string& name, const std::string& description, TrainingGoal goal) {
  auto options = std::make_shared<TrainingOptions>();
  options->goal = goal;
  CLI::App* command = app.add_subcommand(name, description);
  add_input_options(*command, options->job);
  add_run_options(*command, *options);
  command->callback([options] {
    if (!options->print_config && options->job.out.empty()) throw CLI::RequiredError("--out");
    run_training(*options);
  });
}

}  // namespace physgen
