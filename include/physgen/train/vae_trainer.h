#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <physgen/codec/canvas.h>
#include <physgen/core/config.h>
#include <physgen/train/frame_augmentation.h>
#include <physgen/train/run_config.h>
#include <physgen/train/training_callbacks.h>
#include <physgen/vae/vae_config.h>

namespace physgen {

/// Training of a VAE.
struct VaeTrainConfig : RunConfig {
  VaeTrainConfig() {
    steps = 750;
    evaluate_every = 500;
    save_every = 500;
    optimizer = {.learning_rate = {.peak = 2e-3, .warm_up_steps = 20}, .betas = {0.9, 0.999}, .weight_decay = 0};
  }

  VaeConfig vae;
  CanvasConfig canvas;
  double kl_weight = 1e-4;    ///< weight of the posterior's divergence from N(0, 1), a mean over latent values
  double detail_weight = 10;  ///< how much more an error counts where a frame differs from the mean of all frames
  FrameAugmentationConfig augmentation;
  int64_t max_frames = 20000;  ///< frames kept in memory, evenly spaced over the demonstrations
};

template <class Field>
void describe(VaeTrainConfig& config, Field& field) {
  field.renamed("learning_rate", "optimizer.learning_rate");
  field.renamed("adam.betas", "optimizer.betas");
  field.renamed("adam.epsilon", "optimizer.epsilon");
  field.renamed("adam.weight_decay", "optimizer.weight_decay");
  field.renamed("max_gradient_norm", "optimizer.clip_norm");
  field("vae", config.vae);
  field("canvas", config.canvas);
  describe(static_cast<RunConfig&>(config), field);
  field("kl_weight", config.kl_weight, {.least = 0});
  field("detail_weight", config.detail_weight, {.least = 0});
  field("augmentation", config.augmentation);
  field("max_frames", config.max_frames, {.least = 2});
}

/// Throws ConfigError when fields do not go together.
void check(const VaeTrainConfig& config);

/// What to train on, to where.
struct VaeJob {
  VaeTrainConfig config;
  std::vector<std::string> data;           ///< HDF5 files, LeRobot data sets, or folders of them
  double resample = 0;                     ///< control steps a second that all data are brought to; 0: as they are
  std::string data_sha256 = {};            ///< of the data that the run began with; set by `train_vae`
  std::string out;                         ///< the run folder
  std::string command = {};                ///< that began the run, for its report
  std::vector<ConfigOrigin> origins = {};  ///< of the settings, for its report
  std::string device = "auto";
  bool resume = false;  ///< go on from the newest good checkpoint of the run folder, or start where there is none
};

template <class Field>
void describe(VaeJob& job, Field& field) {
  field("config", job.config);
  field("data", job.data);
  field("resample", job.resample);
  field("data_sha256", job.data_sha256);
  field("command", job.command);
  field("origins", job.origins);
}

/// Trains a VAE on single frames of demonstrations and leaves in `out`: job.json, metrics.jsonl and the same for
/// TensorBoard, best/ and step-N/ (VAE checkpoints with their latents' statistics and reconstructions.png, held-out
/// frames above what the VAE makes of them; the latter can be continued from). On the CPU the same job gives the same
/// bits, broken and resumed or not. Throws ConfigError for what does not fit (paths, cameras, a canvas that the VAE
/// cannot halve) and as `finetune` does for the folder, FormatError for damaged files, Error when the losses stay
/// non-finite.
/// @param stop  once true, the step is finished, the run saved and the result says `stopped`
TrainingResult train_vae(VaeJob job, const TrainingCallbacks& callbacks, const std::atomic<bool>& stop);

/// The job that a run folder was made by, without `out`, `device` and `resume`; nothing where it holds no run.
std::optional<VaeJob> recorded_vae_job(const std::string& out);

}  // namespace physgen
