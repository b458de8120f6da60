#pragma once

#include <vector>

#include <physgen/core/config.h>
#include <physgen/core/matrix.h>

namespace physgen {

/// Maps each dimension's [low, high] to [-1, 1] and back. A dimension that never varied maps to 0, and back to its
/// value.
struct Normalizer {
  std::vector<double> low, high;  ///< of each dimension, in the simulator's units: they become -1 and 1

  /// Rows in the simulator's units -> [-1, 1], clipped. Throws Error for another width.
  Matrix normalize(const Matrix& rows) const;
  /// The inverse. Throws Error for another width.
  Matrix denormalize(const Matrix& rows) const;
  bool operator==(const Normalizer&) const = default;
};

template <class Field>
void describe(Normalizer& normalizer, Field& field) {
  field("low", normalizer.low);
  field("high", normalizer.high);
}

}  // namespace physgen
