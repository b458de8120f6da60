#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <physgen/layers/layer_use.h>
#include <physgen/policy/policy_checkpoint.h>

#include "policy/calibration_report.h"

namespace physgen {

/// The scales of the layers that compute in int8.
LayerScales scales_of(const Calibration& calibration);

/// What a policy sees and does in a window of packs.
struct CalibrationWindow {
  at::Tensor frames = {};   ///< uint8 [P, H, W, 3] canvases of O_0..O_{P-1}
  at::Tensor actions = {};  ///< [P, L, A] normalised A_0..A_{P-1}; A_0 is not read
  at::Tensor states = {};   ///< [P, S] normalised, or undefined
  std::string instruction = {};
};

/// How layers are chosen.
struct CalibrationOptions {
  /// The relative error that the latents may have, and that the conditions may have. Of the layers whose own outputs
  /// have the greatest errors, so many as it takes stay in bfloat16.
  double tolerance = 0.05;
  /// Told what is computed now, in words.
  std::function<void(const std::string& text)> report = {};
};

/// Looks at the inputs of all layers in float32, chooses those that compute in int8, and measures each stage. For a CPU
/// that multiplies bytes. Throws ConfigError for another one, and where there is no window.
/// @param policy  on the CPU in float32; its adapters are merged
Calibration calibrate(LoadedPolicy policy, const std::vector<CalibrationWindow>& windows,
                      const CalibrationOptions& options = {});

/// Writes a calibration into the policy checkpoint that it is of, whole or not at all; one that is there is replaced.
/// Throws as `load_policy` does, and Error.
void save_calibration(const std::filesystem::path& checkpoint, const Calibration& calibration);

/// The calibration of a policy checkpoint whose manifest holds. Throws ConfigError where it has none, FormatError where
/// it is damaged or of other layers.
Calibration read_calibration(const std::filesystem::path& checkpoint, const LoadedPolicy& policy);

}  // namespace physgen
