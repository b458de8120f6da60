#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include <physgen/train/trainer.h>

#include <physgen/layers/initialization.h>
#include "data/demonstration_writer.h"
#include "support/temporary_folder.h"
#include "support/test_device.h"
#include "support/tiny_model.h"
#include "vae/vae_checkpoint.h"

namespace physgen {

/// Demonstrations, a VAE and a config with which training takes seconds.
class TinyRun {
 public:
  TinyRun() {
    write_demonstrations(data());
    save_vae(folder_ / "vae", make_vae());
  }

  static DemonstrationSketch sketch() {
    DemonstrationSketch sketch;
    sketch.steps = {12, 9, 7, 10};
    sketch.action_width = 3;
    sketch.state_width = 5;
    sketch.height = sketch.width = 16;
    return sketch;
  }

  static VaeConfig vae_config() {
    return {.widths = {8, 8},
            .layers_per_block = 1,
            .decoder_layers_per_block = 1,
            .norm_groups = 4,
            .latent_channels = 2,
            .time_taps = 1,
            .scaling_factor = 1};
  }

  static CausalVae make_vae() {
    CausalVae vae(vae_config());
    initialize(*vae, generator(7));
    return vae;
  }

  FinetuneJob job(const std::string& out) const {
    FinetuneJob job;
    FinetuneConfig& config = job.config;
    config.model = tiny_model_config();
    config.canvas = {.cameras = {"render_camera"}, .height = 16, .width = 16};
    config.steps = 6;
    config.batch = 4;
    config.accumulation = 2;
    config.loss.timesteps = 2;
    config.optimizer.learning_rate = {.shape = LearningRateShape::cosine, .peak = 3e-3, .warm_up_steps = 2};
    config.precision = Precision::float32;
    config.threads = 1;
    config.held_out = 0.25;
    config.evaluation_windows = 4;
    config.evaluate_every = 2;
    config.save_every = 3;
    job.data = {data()};
    job.vae = folder_ / "vae";
    job.instruction = "push it";
    job.out = path(out);
    job.cache = folder_ / "latents";
    job.device = test_device_name();
    return job;
  }

  void write_demonstrations(const std::string& file, const DemonstrationSketch& what = sketch()) const {
    physgen::write_demonstrations(file, what);
  }
  std::string data() const { return folder_ / "data" / "push.h5"; }
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
};

/// Runs a job to its end, or to `stop_after` steps as a signal would end it.
inline TrainingResult run(const FinetuneJob& job, int64_t stop_after = 0, TrainingCallbacks report = {}) {
  std::atomic<bool> stop = false;
  const auto step = report.step;
  report.step = [&, step](const StepMetrics& now) {
    if (step) step(now);
    if (now.step == stop_after) stop = true;
  };
  return finetune(job, report, stop);
}

}  // namespace physgen
