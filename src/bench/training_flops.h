#pragma once

#include <physgen/policy/loss_config.h>
#include <physgen/policy/model_config.h>
#include <physgen/policy/train_mode.h>

namespace physgen {

/// What a training step multiplies, in floating-point operations: a product of an [m, k] and a [k, n] matrix is 2 m k
/// n. Element-wise work is not counted, nor what activation checkpointing computes twice. A backward pass costs twice
/// the forward pass, or as much as it where the weights are frozen (`lora` and `heads`).
/// @param windows  of the step
/// @param known    patches of a frame that its decoder is shown
double training_flops(const ModelConfig& model, const LossConfig& loss, TrainMode mode, int64_t windows, int64_t known);

}  // namespace physgen
