#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "policy/calibration_report.h"

namespace physgen {

/// What calibrates a policy checkpoint.
struct CalibrationJob {
  std::string checkpoint;
  std::vector<std::string> data;  ///< demonstrations, of the control mode that the policy was trained in
  std::string instruction = {};   ///< of those without one
  double resample = 0;            ///< as of `finetune`
  int64_t windows = 8;            ///< to look at, at most
  double tolerance = 0.05;        ///< relative error of the latents and of the conditions
  std::function<void(const std::string& text)> report = {};  ///< told what is computed now, in words
};

/// Sees which numbers the layers of a policy meet in demonstrations, chooses those that compute in int8, and writes
/// that into the checkpoint. Throws ConfigError for a CPU that does not multiply bytes, and as `load_policy` and
/// `read_demonstrations` do.
Calibration calibrate_checkpoint(const CalibrationJob& job);

}  // namespace physgen
