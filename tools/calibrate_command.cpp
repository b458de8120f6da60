#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <physgen/device/machine.h>

#include "commands.h"
#include "shared_options.h"
#include "train/calibration_job.h"

namespace physgen {
namespace {

struct CalibrateOptions {
  CalibrationJob job;
  int64_t threads = 0;
};

void print_layers(const std::vector<LayerCalibration>& layers) {
  const auto count = std::count_if(layers.begin(), layers.end(), [](const auto& layer) { return layer.int8; });
  fmt::print("{:<56}{:>10}{:>10}{:>9}\n", "layer left in bfloat16", "from", "to", "error");
  for (const LayerCalibration& layer : layers) {
    if (layer.int8) continue;
    fmt::print("{:<56}{:>10.3g}{:>10.3g}{:>8.2f}%\n", layer.name, layer.low, layer.high, 100 * layer.error);
  }
  fmt::print("{} of {} layers compute in int8\n\n", count, layers.size());
}

void print_errors(const std::vector<StageError>& errors) {
  fmt::print("{:<28}{:>10}{:>9}\n", "error against float32", "bfloat16", "int8");
  for (const StageError& error : errors) {
    fmt::print("{:<28}{:>9.2f}%{:>8.2f}%\n", error.stage, 100 * error.bfloat16, 100 * error.int8);
  }
}

void calibrate_command(CalibrateOptions options) {
  if (options.threads > 0) set_compute_threads(options.threads);
  options.job.report = [](const std::string& text) { spdlog::info("{}", text); };
  const Calibration calibration = calibrate_checkpoint(options.job);
  print_layers(calibration.layers);
  print_errors(calibration.errors);
}

}  // namespace

void add_calibrate_command(CLI::App& app) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App* command =
      app.add_subcommand("calibrate", "Prepare a policy for --precision int8: see which numbers its layers meet");
  command->add_option("--checkpoint", options->job.checkpoint, "Policy to calibrate; int8.json is written into it")
      ->required();
  add_data_option(*command, options->job.data)->required();
  add_instruction_option(*command, options->job.instruction);
  add_resample_option(*command, options->job.resample);
  command->add_option("--windows", options->job.windows, "Windows of the demonstrations to look at")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command
      ->add_option("--tolerance", options->job.tolerance,
                   "Relative error of the latents and of the conditions, below which as many layers as can are in int8")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  add_threads_option(*command, options->threads);
  command->callback([=] { calibrate_command(*options); });
}

}  // namespace physgen
