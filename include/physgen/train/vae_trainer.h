#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <physgen/codec/canvas.h>
#include <physgen/device/precision.h>
#include <physgen/train/adam_config.h>
#include <physgen/train/frame_augmentation.h>
#include <physgen/train/lr_schedule.h>
#include <physgen/vae/vae_config.h>

namespace physgen {

/// Training of a VAE.
struct VaeTrainConfig {
  VaeConfig vae;
  CanvasConfig canvas;
  int64_t steps = 750;
  int64_t batch = 32;  ///< frames a step
  LearningRateConfig learning_rate{.peak = 2e-3, .warm_up_steps = 20};
  AdamConfig adam{.weight_decay = 0};
  double max_gradient_norm = 1;
  double kl_weight = 1e-4;    ///< of the posterior's divergence from N(0, 1), a mean over latent values
  double detail_weight = 10;  ///< how much more an error counts where a frame differs from the mean of all frames
  FrameAugmentationConfig augmentation;
  double held_out = 0.05;      ///< share of the episodes
  int64_t max_frames = 20000;  ///< kept in memory, evenly spaced over the demonstrations
  Precision precision = Precision::automatic;
  int64_t seed = 0;
};

template <class Field>
void describe(VaeTrainConfig& config, Field& field) {
  field("vae", config.vae);
  field("canvas", config.canvas);
  field("steps", config.steps, {.least = 1});
  field("batch", config.batch, {.least = 1, .most = 4096});
  field("learning_rate", config.learning_rate);
  field("adam", config.adam);
  field("max_gradient_norm", config.max_gradient_norm, {.least = 0});
  field("kl_weight", config.kl_weight, {.least = 0});
  field("detail_weight", config.detail_weight, {.least = 0});
  field("augmentation", config.augmentation);
  field("held_out", config.held_out, {.least = 0.001, .most = 0.5});
  field("max_frames", config.max_frames, {.least = 2});
  field("precision", config.precision);
  field("seed", config.seed, {.least = 0});
}

/// Where a run is, after each step.
struct VaeProgress {
  int64_t step = 0;  ///< done
  int64_t steps = 0;
  double loss = 0;
  double learning_rate = 0;
  double seconds = 0;  ///< since the first step began
};

/// What a run reached, on the episodes that were held out.
struct VaeReport {
  int64_t training_frames = 0;
  int64_t held_out_frames = 0;
  double seconds = 0;               ///< of training
  double mean_absolute_error = 0;   ///< of values in [-1, 1]
  double peak_signal_to_noise = 0;  ///< in dB
};

/// Trains a VAE on single frames of demonstrations and saves it to `out`: what save_vae writes, metrics.jsonl (a line a
/// step) and reconstructions.png (held-out frames above what the VAE makes of them). The latent statistics are measured
/// and stored in its config.
/// @param data    HDF5 files, LeRobot data sets, or folders of them
/// @param device  "auto", "cpu", "cuda" or "cuda:1"
/// Throws ConfigError for what does not fit (paths, cameras, a canvas that the VAE cannot halve), FormatError for
/// damaged demonstrations, Error when the loss is no longer finite; `out` is then as it was.
VaeReport train_vae(const VaeTrainConfig& config, const std::vector<std::string>& data, const std::string& out,
                    const std::string& device, const std::function<void(const VaeProgress&)>& progress);

}  // namespace physgen
