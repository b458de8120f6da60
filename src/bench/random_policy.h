#pragma once

#include <physgen/policy/controller.h>
#include <physgen/policy/losses.h>
#include <physgen/policy/policy_checkpoint.h>

#include "core/random.h"
#include "policy/calibration.h"

namespace physgen {

// What a benchmark runs on where there is no checkpoint and no data: everything is drawn from one seed.

/// A policy of these sizes; where the model leaves the widths of actions and states open they are 8 and 9.
PolicyConfig random_policy(const ModelConfig& model, const VaeConfig& vae, const CanvasConfig& canvas);

/// Random weights. No matrix is zero, as some are at the start of a training: the outputs depend on everything.
LoadedPolicy random_weights(const PolicyConfig& config);

/// Random windows, all of them valid.
WindowBatch random_windows(const PolicyConfig& config, int64_t windows);

/// Random frames and actions of a short window.
CalibrationWindow random_calibration_window(const PolicyConfig& config);

/// Random pictures, uint8 [count, H, W, 3].
at::Tensor random_frames(const PolicyConfig& config, int64_t count);

/// Random pictures of the canvas's size and a state of zeros. @param number  another one, other pictures
Observation random_observation(const PolicyConfig& config, uint64_t number);

/// The generator that a benchmark draws from. @param index  as of `mixed_seed`
at::Generator benchmark_generator(Stream stream, uint64_t index = 0);

}  // namespace physgen
