#pragma once

#include <cstdint>

namespace physgen {

/// What a step's losses are, and how they are drawn.
struct LossConfig {
  int64_t timesteps = 4;      ///< noise levels drawn for each frame and each action chunk
  bool observation = true;    ///< L_obs counts, the loss on the next frame
  bool action = true;         ///< L_act counts, the loss on the actions; off in video pretraining
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
