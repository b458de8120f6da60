#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

/// What a text encoder gives for a batch of texts.
struct TextFeatures {
  at::Tensor values;  ///< [B, slots, width]; rows that hold no text are not meant to be read
  at::Tensor used;    ///< [B, slots] bool: rows that hold text
};

}  // namespace physgen
