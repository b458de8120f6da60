#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace physgen {

/// What one optimiser step did.
struct StepMetrics {
  int64_t step = 0;  ///< done, 1 for the first
  int64_t steps = 0;
  double loss = 0;         ///< L_obs + L_act
  double observation = 0;  ///< L_obs
  double action = 0;       ///< L_act
  double gradient_norm = 0;
  double learning_rate = 0;
  double seconds = 0;  ///< of this step
  double windows_per_second = 0;
  bool skipped = false;  ///< a loss or a gradient was not finite: nothing was changed
};

/// How good the averaged weights are on held-out episodes.
struct EvaluationMetrics {
  int64_t step = 0;
  double loss = 0, observation = 0, action = 0;
  double action_error = 0;            ///< mean absolute error of sampled actions, normalised to [-1, 1]
  std::vector<double> action_errors;  ///< of each dimension, in the simulator's units
  std::vector<std::string> action_names;
  bool best = false;  ///< of the run so far
};

}  // namespace physgen
