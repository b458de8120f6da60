#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <physgen/core/config.h>

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

}  // namespace physgen
