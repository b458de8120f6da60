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

/// The packs that a policy looks back on, the oldest of which leaves when the window is full.
class PackWindow {
 public:
  /// @param capacity  packs  @param executed  actions of each chunk
  PackWindow(int64_t capacity, int64_t executed) : capacity_(capacity), executed_(executed) {}

  /// @return whether the oldest pack left
  bool add(Pack pack);
  void clear() { packs_.clear(); }
  int64_t size() const { return static_cast<int64_t>(packs_.size()); }

  /// As inputs of a batch of one.
  PackInputs all() const { return stacked(0); }
  PackInputs newest() const { return stacked(packs_.size() - 1); }

 private:
  PackInputs stacked(size_t first) const;

  int64_t capacity_, executed_;
  std::vector<Pack> packs_;  // the newest last
};

/// Rows as a float32 tensor of its own.
at::Tensor tensor_of(const Matrix& rows);

}  // namespace physgen
