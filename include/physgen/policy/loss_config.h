#pragma once

#include <cstdint>

namespace physgen {

/// How losses are drawn.
struct LossConfig {
  int64_t timesteps = 4;      ///< timestep samples a frame and an action chunk
  bool observation = true;    ///< L_obs
  bool action = true;         ///< L_act; off in video pretraining
  double text_dropout = 0.1;  ///< share of instructions replaced by the null instruction
};

template <class Field>
void describe(LossConfig& config, Field& field) {
  field("timesteps", config.timesteps, {.least = 1, .most = 64});
  field("observation", config.observation);
  field("action", config.action);
  field("text_dropout", config.text_dropout, {.least = 0, .most = 1});
}

}  // namespace physgen
