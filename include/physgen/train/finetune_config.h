#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <physgen/codec/canvas.h>
#include <physgen/core/config.h>
#include <physgen/device/precision.h>
#include <physgen/policy/loss_config.h>
#include <physgen/policy/model_config.h>
#include <physgen/policy/train_mode.h>
#include <physgen/train/frame_augmentation.h>
#include <physgen/train/lr_schedule.h>

namespace physgen {

/// Which values of a dimension become -1 and 1: the least and the greatest, or the 1st and 99th percentile.
enum class Normalization { min_max, quantile };
inline std::span<const std::string_view> names_of(Normalization) {
  static constexpr std::string_view names[] = {"min_max", "quantile"};
  return names;
}

/// What happens when a loss or a gradient is not finite: the step changes nothing, or the run stops.
enum class NonFinite { skip, stop };
inline std::span<const std::string_view> names_of(NonFinite) {
  static constexpr std::string_view names[] = {"skip", "stop"};
  return names;
}

/// The optimizer of a policy: AdamW, gradients clipped by their norm.
struct PolicyOptimizerConfig {
  LearningRateConfig learning_rate{.shape = LearningRateShape::constant, .peak = 1e-4, .warm_up_steps = 1000};
  std::vector<double> betas = {0.9, 0.95};
  double weight_decay = 0.02;
  double clip_norm = 1;
};

template <class Field>
void describe(PolicyOptimizerConfig& config, Field& field) {
  field("learning_rate", config.learning_rate);
  field("betas", config.betas, {.least = 0, .most = 1});
  field("weight_decay", config.weight_decay, {.least = 0, .most = 1});
  field("clip_norm", config.clip_norm, {.least = 1e-9});
}

/// Versions of every episode that are encoded beside the recorded one.
struct AugmentationConfig {
  int64_t variants = 1;  ///< the recorded episode included; one is drawn a window
  FrameAugmentationConfig change;
};

template <class Field>
void describe(AugmentationConfig& config, Field& field) {
  field("variants", config.variants, {.least = 1, .most = 1000});
  field("change", config.change);
}

/// Training of a policy. The defaults are the recipe at full size.
struct FinetuneConfig {
  ModelConfig model;    ///< of a policy that starts from nothing; with a checkpoint to start from, its own counts
  CanvasConfig canvas;  ///< likewise
  /// What the policy's actions are; empty: as the demonstrations were recorded. Others are converted where
  /// `convert_actions` can.
  std::string control_mode;
  int64_t seed = 0;
  int64_t steps = 30000;
  int64_t batch = 32;        ///< windows a step
  int64_t accumulation = 1;  ///< micro-batches that a step's windows are computed in, to save memory
  LossConfig loss;
  PolicyOptimizerConfig optimizer;
  double ema_decay = 0.999;          ///< of the averaged weights that act; less in the first steps (see ema.h)
  TrainMode mode = TrainMode::lora;  ///< from nothing it is `full`
  int64_t lora_rank = 32;
  double lora_alpha = 32;
  Precision precision = Precision::automatic;
  double latent_jitter = 0.05;  ///< deviation of the normal noise on the latents that the model is shown
  AugmentationConfig augmentation;
  double held_out = 0.05;           ///< share of the episodes that are for evaluation only
  int64_t evaluation_windows = 64;  ///< of those episodes, the same each time
  int64_t evaluate_every = 500;     ///< steps
  int64_t save_every = 1000;        ///< steps
  int64_t keep_last = 2;            ///< checkpoints that can be continued from
  Normalization normalization = Normalization::min_max;
  double max_minutes = 0;  ///< of training in one go, after which the run is saved and ends; 0: none
  NonFinite non_finite = NonFinite::skip;
  int64_t threads = 0;  ///< of the CPU; 0: all
};

template <class Field>
void describe(FinetuneConfig& config, Field& field) {
  field("model", config.model);
  field("canvas", config.canvas);
  field("control_mode", config.control_mode);
  field("seed", config.seed, {.least = 0});
  field("steps", config.steps, {.least = 1});
  field("batch", config.batch, {.least = 1, .most = 1 << 20});
  field("accumulation", config.accumulation, {.least = 1, .most = 1 << 20});
  field("loss", config.loss);
  field("optimizer", config.optimizer);
  field("ema_decay", config.ema_decay, {.least = 0, .most = 1});
  field("mode", config.mode);
  field("lora_rank", config.lora_rank, {.least = 1, .most = 4096});
  field("lora_alpha", config.lora_alpha, {.least = 0});
  field("precision", config.precision);
  field("latent_jitter", config.latent_jitter, {.least = 0, .most = 10});
  field("augmentation", config.augmentation);
  field("held_out", config.held_out, {.least = 0, .most = 0.9});
  field("evaluation_windows", config.evaluation_windows, {.least = 1});
  field("evaluate_every", config.evaluate_every, {.least = 1});
  field("save_every", config.save_every, {.least = 1});
  field("keep_last", config.keep_last, {.least = 1});
  field("normalization", config.normalization);
  field("max_minutes", config.max_minutes, {.least = 0});
  field("non_finite", config.non_finite);
  field("threads", config.threads, {.least = 0, .most = 4096});
}

/// Throws ConfigError when fields do not go together.
void check(const FinetuneConfig& config);

}  // namespace physgen
