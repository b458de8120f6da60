#include "training_command.h"

#include <fmt/core.h>

#include <memory>
#include <vector>

#include <physgen/core/config.h>
#include <physgen/device/machine.h>
#include <physgen/train/trainer.h>

#include "command_line.h"
#include "plan_option.h"
#include "ranks_option.h"
#include "run_display.h"
#include "shared_options.h"
#include "stop_signal.h"

namespace physgen {
namespace {

struct TrainingOptions {
  TrainingGoal goal = TrainingGoal::frames_and_actions;
  FinetuneJob job;
  ConfigOptions config;
  int64_t ranks = 1;
  PlanOptions plan;
};

// What was not given anew stays as the run that is resumed had it.
FinetuneJob job_of(const TrainingOptions& options) {
  const FinetuneJob& given = options.job;
  FinetuneJob job;
  if (given.resume) job = recorded_job(given.out).value_or(job);
  read_settings(options.config, job.config, job.origins);
  if (options.goal == TrainingGoal::frames) {
    job.config.loss.action = false;
    keep_origin({"loss.action", "physgen pretrain"}, job.origins);
  }
  if (!given.data.empty()) job.data = given.data;
  if (!given.weights.empty()) job.weights = given.weights;
  if (!given.cameras.empty()) job.cameras = given.cameras;
  if (!given.vae.empty()) job.vae = given.vae;
  if (!given.init.empty()) job.init = given.init;
  if (!given.instruction.empty()) job.instruction = given.instruction;
  if (given.resample > 0) job.resample = given.resample;
  job.out = given.out;
  job.cache = given.cache;
  job.device = given.device;
  job.resume = given.resume;
  if (job.command.empty()) job.command = command_line();
  return job;
}

void run_training(const TrainingOptions& options) {
  const FinetuneJob job = job_of(options);
  if (options.config.print) {
    fmt::print("{}\n", write_config(job.config));
    return;
  }
  bound_kernel_caches();
  if (options.plan.basis) return print_plan(options.plan, job, options.ranks);
  begin_ranks(options.ranks);
  const StopSignal stop;
  RunDisplay display(job.out);
  if (options.goal == TrainingGoal::encoded_frames) {
    if (encode_demonstrations(job, display.callbacks(), stop.requested())) return;
    throw Interrupted({.what = "stopped before all frames were encoded",
                       .where = job.cache,
                       .next_step = "the same command encodes the data sets that are not done"},
                      stop.received());
  }
  const TrainingResult result = finetune(job, display.callbacks(), stop.requested());
  conclude(result, job.out, stop.received(), "act with");
}

void add_input_options(CLI::App& command, FinetuneJob& job) {
  add_data_option(command, job.data);
  command.add_option("--weights", job.weights, "How often each --data is drawn from, as 1,2; without it, by its size")
      ->delimiter(',');
  command.add_option("--vae", job.vae, "VAE checkpoint, for a policy that starts from nothing");
  command.add_option("--init", job.init,
                     "Policy to start from, such as RUN/best, or pretrained backbone, such as nova:FOLDER");
  add_instruction_option(command, job.instruction);
  add_resample_option(command, job.resample);
  add_cameras_option(command, job.cameras);
}

void add_run_options(CLI::App& command, TrainingOptions& options) {
  add_config_options(command, options.config, "configs/maniskill_finetune.json");
  add_device_option(command, options.job.device);
  add_ranks_option(command, options.ranks);
  if (options.goal == TrainingGoal::encoded_frames) {
    command.add_option("--cache", options.job.cache, "Folder of encoded frames, for the --cache of runs");
    return;
  }
  add_run_folder_options(command, options.job.out, options.job.resume);
  command.add_option("--cache", options.job.cache, "Folder of encoded frames; without it, in the run folder");
  add_steps_option(command, options.config.steps);
  add_plan_options(command, options.plan);
}

}  // namespace

void add_training_command(CLI::App& app, const std::string& name, const std::string& description, TrainingGoal goal) {
  auto options = std::make_shared<TrainingOptions>();
  options->goal = goal;
  CLI::App* command = app.add_subcommand(name, description);
  add_input_options(*command, options->job);
  add_run_options(*command, *options);
  command->callback([options] {
    const bool encode = options->goal == TrainingGoal::encoded_frames;
    if (!options->config.print && !options->plan.basis && (encode ? options->job.cache : options->job.out).empty()) {
      throw CLI::RequiredError(encode ? "--cache" : "--out");
    }
    run_training(*options);
  });
}

}  // namespace physgen
