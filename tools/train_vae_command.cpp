#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>

#include <physgen/core/config.h>
#include <physgen/train/vae_trainer.h>

#include "commands.h"
#include "run_display.h"
#include "stop_signal.h"

namespace physgen {
namespace {

struct TrainVaeOptions {
  std::vector<std::string> data, cameras, assignments;
  std::string out, config, device = "auto";
  int64_t steps = 0;
  bool resume = false, print_config = false;
};

VaeTrainConfig config_of(const TrainVaeOptions& options, const VaeTrainConfig& config) {
  ConfigDocument document =
      options.config.empty() ? ConfigDocument::parse("{}", "--set") : ConfigDocument::load(options.config);
  for (const std::string& assignment : options.assignments) document.set(assignment);
  if (options.steps > 0) document.set("steps=" + std::to_string(options.steps));
  return document.read(config);
}

// What was not given anew stays as the run that is resumed had it.
VaeJob job_of(const TrainVaeOptions& options) {
  VaeJob job;
  if (options.resume) job = recorded_vae_job(options.out).value_or(job);
  job.config = config_of(options, job.config);
  if (!options.cameras.empty()) job.config.canvas.cameras = options.cameras;
  if (!options.data.empty()) job.data = options.data;
  job.out = options.out;
  job.device = options.device;
  job.resume = options.resume;
  return job;
}

void train_vae_command(const TrainVaeOptions& options) {
  const VaeJob job = job_of(options);
  if (options.print_config) {
    fmt::print("{}\n", write_config(job.config));
    return;
  }
  const StopSignal stop;
  RunDisplay display;
  const TrainingResult result = train_vae(job, display.callbacks(), stop.requested());
  conclude(result, job.out, stop.received(), "look at reconstructions.png in");
}

}  // namespace

void add_train_vae_command(CLI::App& app) {
  auto options = std::make_shared<TrainVaeOptions>();
  CLI::App* command = app.add_subcommand("train-vae", "Train a small VAE on the frames of demonstrations");
  command->add_option("--data", options->data, "Demonstrations: HDF5 files, LeRobot data sets, or folders of them");
  command->add_option("--out", options->out, "The run folder: best/, step-N/, metrics.jsonl");
  command->add_option("--config", options->config, "JSON file of the run's settings");
  command->add_option("--set", options->assignments, "One setting more: vae.latent_channels=8")->take_all();
  command->add_option("--camera", options->cameras, "Cameras on the canvas, from left to right");
  command->add_option("--steps", options->steps, "Steps to train")->check(CLI::PositiveNumber);
  command->add_option("--device", options->device, "auto, cpu, cuda or cuda:1")->capture_default_str();
  command->add_flag("--resume", options->resume, "Go on with the run of the folder");
  command->add_flag("--print-config", options->print_config, "Print the settings and stop");
  command->callback([=] {
    if (!options->print_config && options->out.empty()) throw CLI::RequiredError("--out");
    train_vae_command(*options);
  });
}

}  // namespace physgen
