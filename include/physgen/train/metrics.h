#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace physgen {

/// A number and what it is.
struct NamedNumber {
  std::string name;
  double value = 0;
};

/// The number of that name. Throws std::out_of_range where there is none.
double number_of(const std::vector<NamedNumber>& numbers, const std::string& name);

/// What one optimiser step did.
struct StepMetrics {
  int64_t step = 0;  ///< done, 1 for the first
  int64_t steps = 0;
  double loss = 0;  ///< the sum of `losses`
  std::vector<NamedNumber> losses =
      {};  ///< of a policy "observation" and "action", of a VAE "reconstruction", "divergence"
  double gradient_norm = 0;
  double learning_rate = 0;
  double seconds = 0;          ///< of this step
  double waiting_seconds = 0;  ///< of them, until the batch was there
  double samples_per_second = 0;
  bool skipped = false;  ///< a loss or a gradient was not finite: nothing was changed
};

/// What a save cost the steps around it.
struct SaveMetrics {
  int64_t step = 0;            ///< done before it
  double stalled_seconds = 0;  ///< until the next step: the copy, and the wait for a save that was still being written
};

/// How good the (averaged) weights are on held-out episodes.
struct EvaluationMetrics {
  int64_t step = 0;
  /// Of a policy "loss", "observation", "action" and "action_error", the mean absolute error of sampled actions,
  /// normalised to [-1, 1]. Of a VAE "mean_absolute_error" of values in [-1, 1] and "peak_signal_to_noise" in dB.
  std::vector<NamedNumber> numbers = {};
  std::vector<NamedNumber> action_errors = {};             ///< of each dimension, in the simulator's units
  double score = std::numeric_limits<double>::infinity();  ///< by which the best is chosen: less is better
  bool best = false;                                       ///< of the run so far
};

}  // namespace physgen
