#pragma once

#include <vector>

#include <physgen/core/matrix.h>
#include <physgen/policy/physgen_model.h>

namespace physgen {

/// A pack as the model takes it, of one robot.
struct Pack {
  at::Tensor latent;   ///< [C, h, w]
  at::Tensor actions;  ///< [L, A]: those that led to it, the rest of the chunk zero
  at::Tensor state;    ///< [S], or undefined
};

/// Packs as a window of one. @param executed  actions of each chunk
PackInputs stacked(const std::vector<Pack>& packs, int64_t executed);

/// Rows as a float32 tensor of its own.
at::Tensor tensor_of(const Matrix& rows);

}  // namespace physgen
