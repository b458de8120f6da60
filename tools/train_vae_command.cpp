#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>

#include <physgen/core/config.h>
#include <physgen/device/machine.h>
#include <physgen/train/vae_trainer.h>

#include "command_line.h"
#include "commands.h"
#include "ranks_option.h"
#include "run_display.h"
#include "shared_options.h"
#include "stop_signal.h"

namespace physgen {
namespace {

struct TrainVaeOptions {
  std::vector<std::string> data, cameras;
  std::string out, device = "auto";
  ConfigOptions config;
  bool resume = false;
  double resample = 0;
  int64_t ranks = 1;
};

// What was not given anew stays as the run that is resumed had it.
VaeJob job_of(const TrainVaeOptions& options) {
  VaeJob job;
  if (options.resume) job = recorded_vae_job(options.out).value_or(job);
  read_settings(options.config, job.config, job.origins);
  if (!options.cameras.empty()) {
    job.config.canvas.cameras = options.cameras;
    keep_origin({"canvas.cameras", "--camera"}, job.origins);
  }
  if (!options.data.empty()) job.data = options.data;
  if (options.resample > 0) job.resample = options.resample;
  job.out = options.out;
  job.device = options.device;
  job.resume = options.resume;
  if (job.command.empty()) job.command = command_line();
  return job;
}

void train_vae_command(const TrainVaeOptions& options) {
  const VaeJob job = job_of(options);
  if (options.config.print) {
    fmt::print("{}\n", write_config(job.config));
    return;
  }
  bound_kernel_caches();
  begin_ranks(options.ranks);
  const StopSignal stop;
  RunDisplay display(job.out);
  const TrainingResult result = train_vae(job, display.callbacks(), stop.requested());
  conclude(result, job.out, stop.received(), "look at reconstructions.png in");
}

}  // namespace

void add_train_vae_command(CLI::App& app) {
  auto options = std::make_shared<TrainVaeOptions>();
  CLI::App* command = app.add_subcommand("train-vae", "Train a small VAE on the frames of demonstrations");
  add_data_option(*command, options->data);
  add_run_folder_options(*command, options->out, options->resume);
  add_config_options(*command, options->config, "configs/maniskill_vae.json");
  add_cameras_option(*command, options->cameras);
  add_resample_option(*command, options->resample);
  add_steps_option(*command, options->config.steps);
  add_device_option(*command, options->device);
  add_ranks_option(*command, options->ranks);
  command->callback([=] {
    if (!options->config.print && options->out.empty()) throw CLI::RequiredError("--out");
    train_vae_command(*options);
  });
}

}  // namespace physgen
