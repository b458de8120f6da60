#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <physgen/core/config.h>
#include <physgen/layers/layer_use.h>
#include <physgen/policy/policy_checkpoint.h>

namespace physgen {

// How a policy computes in int8: int8.json of its checkpoint. Weights are signed bytes, each output channel on a scale
// of its own, from those of the checkpoint; inputs of a layer are bytes on the one scale that its calibration saw.

/// A layer that can compute in int8, as calibration saw it.
struct LayerCalibration {
  std::string name = {};
  double low = 0,
         high = 0;    ///< what the bytes of its inputs reach: those that it met, or the part of them that loses least
  double error = 0;   ///< of its own output in int8: |y - y'| / |y|, y' being float32's
  bool int8 = false;  ///< whether it computes in int8; else in bfloat16
};

template <class Field>
void describe(LayerCalibration& layer, Field& field) {
  field("name", layer.name);
  field("low", layer.low);
  field("high", layer.high);
  field("error", layer.error, {.least = 0});
  field("int8", layer.int8);
}

/// How far what a stage of a control round gives is from float32's, over all windows: |y - y'| / |y'|.
struct StageError {
  std::string stage = {};  ///< latents, conditions or actions, each from those of the stages before
  double bfloat16 = 0;     ///< where all is computed in bfloat16
  double int8 = 0;         ///< where the layers that may are computed in int8
};

template <class Field>
void describe(StageError& error, Field& field) {
  field("stage", error.stage);
  field("bfloat16", error.bfloat16, {.least = 0});
  field("int8", error.int8, {.least = 0});
}

/// What calibration found.
struct Calibration {
  double tolerance = 0;  ///< of the latents, and of the conditions from float32's latents
  int64_t windows = 0;   ///< that were looked at
  std::vector<LayerCalibration> layers = {};
  std::vector<StageError> errors = {};
};

template <class Field>
void describe(Calibration& calibration, Field& field) {
  field("tolerance", calibration.tolerance, {.least = 0});
  field("windows", calibration.windows, {.least = 0});
  field("layers", calibration.layers);
  field("errors", calibration.errors);
}

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
