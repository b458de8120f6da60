#pragma once

#include <physgen/policy/physgen_model.h>
#include <physgen/train/metrics.h>
#include <physgen/train/window_loader.h>

namespace physgen {

/// How to evaluate: always the same windows and the same noise.
struct HeldOutChoice {
  int64_t windows = 64;  ///< at most
  int64_t batch = 32;    ///< computed at once
  LossConfig loss;
  uint64_t seed = 0;
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
};

/// The losses of a model on held-out windows and, where the action loss is on, the errors of the actions that it
/// samples to execute at every pack. The loader must have windows.
EvaluationMetrics evaluate_held_out(PhysGenModel& model, const WindowLoader& loader, const PolicyConfig& policy,
                                    const HeldOutChoice& choice);

/// A batch on another device.
WindowBatch moved(WindowBatch batch, at::Device device);

}  // namespace physgen
