#pragma once

#include <cstdint>

#include <physgen/core/choice.h>

namespace physgen {

enum class LearningRateShape { constant, cosine };
constexpr auto choices_of(LearningRateShape) {
  return std::to_array<Choice<LearningRateShape>>(
      {{LearningRateShape::constant, "constant"}, {LearningRateShape::cosine, "cosine"}});
}

/// How the learning rate goes over a run: up in a straight line, then level, or down half a cosine.
struct LearningRateConfig {
  LearningRateShape shape = LearningRateShape::cosine;  ///< after the warm-up: level, or down half a cosine
  double peak = 1e-4;                                   ///< the rate at the end of the warm-up
  double final_fraction = 0;                            ///< rate at the last step of a cosine, as a share of `peak`
  int64_t warm_up_steps = 0;                            ///< steps in which the rate rises in a straight line
};

template <class Field>
void describe(LearningRateConfig& config, Field& field) {
  field("shape", config.shape);
  field("peak", config.peak, {.least = 0, .most = 10});
  field("final_fraction", config.final_fraction, {.least = 0, .most = 1});
  field("warm_up_steps", config.warm_up_steps, {.least = 0});
}

/// The learning rate of a step: a pure function, so a resumed run has the same.
/// @param step   from 0 to steps - 1; later steps have the rate of the last
/// @param steps  of the whole run
double learning_rate_at(const LearningRateConfig& config, int64_t step, int64_t steps);

}  // namespace physgen
