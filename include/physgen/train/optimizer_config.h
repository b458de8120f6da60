#pragma once

#include <array>

#include <physgen/train/lr_schedule.h>

namespace physgen {

/// AdamW (Loshchilov and Hutter 2019), gradients clipped by the norm of them all. A policy's defaults are the paper's.
struct OptimizerConfig {
  LearningRateConfig learning_rate{.shape = LearningRateShape::constant, .peak = 1e-4, .warm_up_steps = 1000};
  std::array<double, 2> betas = {0.9, 0.95};  ///< how slowly the averages of gradients and of their squares forget
  double epsilon = 1e-8;                      ///< added to the root of the averaged squares
  double weight_decay = 0.02;                 ///< share lost each step by all but norms, times the learning rate
  double clip_norm = 1;                       ///< longest gradient of a step; a longer one is scaled down to it
};

template <class Field>
void describe(OptimizerConfig& config, Field& field) {
  field("learning_rate", config.learning_rate);
  field("betas", config.betas, {.least = 0, .most = 1});
  field("epsilon", config.epsilon, {.least = 0, .most = 1});
  field("weight_decay", config.weight_decay, {.least = 0, .most = 1});
  field("clip_norm", config.clip_norm, {.least = 1e-9});
}

}  // namespace physgen
