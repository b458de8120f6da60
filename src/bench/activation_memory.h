#pragma once

#include <physgen/policy/policy_config.h>
#include <physgen/policy/train_mode.h>
#include <physgen/train/finetune_config.h>

#include "train/train_step.h"

namespace physgen {

/// The most that a micro-batch of `windows` holds between its forward and its backward pass, in bytes. Measured, and
/// not on the whole model: the forward pass of one and of two windows is run with as few blocks as there can be, and
/// with one more of each kind, because memory is linear in windows and in blocks. Of the numbers of patches that a
/// step may show the model, it is the worse end that counts.
int64_t activation_memory(const PolicyConfig& policy, const FinetuneConfig& config, TrainMode mode, int64_t windows,
                          const Compute& compute);

/// What encoding frames takes beside the VAE, in bytes: the encoder's own weights, and what it holds on the way.
struct EncodingMemory {
  int64_t weights = 0, activations = 0;
};
EncodingMemory encoding_memory(const PolicyConfig& policy, int64_t frames_at_once, const Compute& compute);

}  // namespace physgen
