#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <physgen/codec/canvas.h>
#include <physgen/core/config.h>
#include <physgen/policy/loss_config.h>
#include <physgen/policy/model_config.h>
#include <physgen/policy/train_mode.h>
#include <physgen/train/frame_augmentation.h>
#include <physgen/train/run_config.h>

namespace physgen {

/// Which values of a dimension become -1 and 1: the least and the greatest, or the 1st and 99th percentile.
enum class Normalization { min_max, quantile };
constexpr auto choices_of(Normalization) {
  return std::to_array<Choice<Normalization>>(
      {{Normalization::min_max, "min_max"}, {Normalization::quantile, "quantile"}});
}

/// Versions of every episode that are encoded beside the recorded one.
struct AugmentationConfig {
  int64_t variants = 1;  ///< of each episode, the recorded one included; one is drawn a window
  FrameAugmentationConfig change;
};

template <class Field>
void describe(AugmentationConfig& config, Field& field) {
  field("variants", config.variants, {.least = 1, .most = 1000});
  field("change", config.change);
}

/// Training of a policy. The defaults are the recipe at full size.
struct FinetuneConfig : RunConfig {
  ModelConfig model;    ///< of a policy that starts from nothing; with a checkpoint to start from, its own counts
  CanvasConfig canvas;  ///< of a policy that starts from nothing, like `model`
  /// What the policy's actions are; none: as the demonstrations were recorded. Others are converted where that is
  /// exact.
  std::optional<std::string> control_mode = {};
  LossConfig loss;
  double ema_decay = 0.999;          ///< how slowly the averaged weights, which act, forget; quicker in the first steps
  TrainMode mode = TrainMode::lora;  ///< from nothing it is `full`
  int64_t lora_rank = 32;            ///< rank of the adapters, in mode `lora`
  double lora_alpha = 32;            ///< what the adapters add is scaled by `lora_alpha / lora_rank`
  double latent_jitter = 0.05;       ///< deviation of the normal noise on the latents that the model is shown
  AugmentationConfig augmentation;
  int64_t evaluation_windows = 64;  ///< windows of held-out episodes in an evaluation, the same each time
  Normalization normalization = Normalization::min_max;
};

template <class Field>
void describe(FinetuneConfig& config, Field& field) {
  field("model", config.model);
  field("canvas", config.canvas);
  field("control_mode", config.control_mode);
  describe(static_cast<RunConfig&>(config), field);
  field("loss", config.loss);
  field("ema_decay", config.ema_decay, {.least = 0, .most = 1});
  field("mode", config.mode);
  field("lora_rank", config.lora_rank, {.least = 1, .most = 4096});
  field("lora_alpha", config.lora_alpha, {.least = 0});
  field("latent_jitter", config.latent_jitter, {.least = 0, .most = 10});
  field("augmentation", config.augmentation);
  field("evaluation_windows", config.evaluation_windows, {.least = 1});
  field("normalization", config.normalization);
}

/// Throws ConfigError when fields do not go together.
void check(const FinetuneConfig& config);

}  // namespace physgen
