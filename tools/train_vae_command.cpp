#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <physgen/core/config.h>
#include <physgen/train/vae_trainer.h>

#include "commands.h"
#include "progress_line.h"

namespace physgen {
namespace {

struct TrainVaeOptions {
  std::vector<std::string> data, cameras, assignments;
  std::string out, config, device = "auto";
  int64_t steps = 0;
  bool print_config = false;
};

VaeTrainConfig config_of(const TrainVaeOptions& options) {
  ConfigDocument document =
      options.config.empty() ? ConfigDocument::parse("{}", "--set") : ConfigDocument::load(options.config);
  for (const std::string& assignment : options.assignments) document.set(assignment);
  auto config = document.read(VaeTrainConfig{});
  if (!options.cameras.empty()) config.canvas.cameras = options.cameras;
  if (options.steps > 0) config.steps = options.steps;
  return config;
}

void train_vae_command(const TrainVaeOptions& options) {
  const VaeTrainConfig config = config_of(options);
  if (options.print_config) {
    std::cout << write_config(config) << '\n';
    return;
  }
  ProgressLine line;
  const auto show = [&](const VaeProgress& now) {
    const double left = now.seconds / static_cast<double>(now.step) * static_cast<double>(now.steps - now.step);
    line.show("step", now.step, now.steps, fmt::format("loss {:.4f}, {:.1f} min to go", now.loss, left / 60));
  };
  const VaeReport report = train_vae(config, options.data, options.out, options.device, show);
  line.clear();
  spdlog::info("trained on {} frames in {:.0f} s", report.training_frames, report.seconds);
  spdlog::info("{} held-out frames: mean absolute error {:.4f} of [-1, 1], PSNR {:.1f} dB", report.held_out_frames,
               report.mean_absolute_error, report.peak_signal_to_noise);
  spdlog::info("saved {}; look at {}/reconstructions.png", options.out, options.out);
}

}  // namespace

void add_train_vae_command(CLI::App& app) {
  auto options = std::make_shared<TrainVaeOptions>();
  CLI::App* command = app.add_subcommand("train-vae", "Train a small VAE on the frames of demonstrations");
  CLI::Option* data =
      command->add_option("--data", options->data, "Demonstrations: HDF5 files, LeRobot data sets, or folders of them");
  CLI::Option* out =
      command->add_option("--out", options->out, "Directory to save the VAE in; replaced when it is there");
  command->add_option("--config", options->config, "JSON file of the run's settings");
  command->add_option("--set", options->assignments, "One setting more: vae.latent_channels=8")->take_all();
  command->add_option("--camera", options->cameras, "Cameras on the canvas, from left to right");
  command->add_option("--steps", options->steps, "Steps to train")->check(CLI::PositiveNumber);
  command->add_option("--device", options->device, "auto, cpu, cuda or cuda:1")->capture_default_str();
  CLI::Option* print = command->add_flag("--print-config", options->print_config, "Print the settings and stop");
  command->callback([=] {
    if (print->count() == 0 && data->count() == 0) throw CLI::RequiredError("--data");
    if (print->count() == 0 && out->count() == 0) throw CLI::RequiredError("--out");
    train_vae_command(*options);
  });
}

}  // namespace physgen
