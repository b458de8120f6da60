#pragma once

#include <physgen/core/matrix.h>
#include <physgen/policy/physgen_model.h>

namespace physgen {

/// A pack as the model takes it, of one robot.
struct Pack {
  at::Tensor latent;   ///< [C, h, w]
  at::Tensor actions;  ///< [L, A]: those that led to it, the rest of the chunk zero
  at::Tensor state;    ///< [S], or undefined
};

/// The packs that a policy looks back on, the oldest of which leave when the window is full. They are kept in memory
/// that is allocated once.
class PackWindow {
 public:
  /// @param capacity  packs  @param executed  actions of each chunk
  /// @param leaving   packs that leave a full window for the newest
  PackWindow(int64_t capacity, int64_t executed, int64_t leaving = 1)
      : capacity_(capacity), executed_(executed), leaving_(leaving) {}

  /// @return whether the oldest packs left
  bool add(const Pack& pack);
  void clear() { size_ = 0; }
  int64_t size() const { return size_; }
  /// Whether the oldest packs leave for the newest.
  bool slides() const { return slides_; }

  /// The two halves of `add`: what the host counts, and what the device then does, which is the same for the same size.
  void make_room();
  void put(const Pack& pack);

  /// As inputs of a batch of one.
  PackInputs all() const { return inputs(0); }
  PackInputs newest() const { return inputs(size_ - 1); }

 private:
  PackInputs inputs(int64_t first) const;

  int64_t capacity_, executed_, leaving_, size_ = 0;
  bool slides_ = false;                    // the newest pack drives the oldest ones out
  at::Tensor latents_, actions_, states_;  // the oldest first: [capacity, ...]; undefined before the first pack
};

/// Rows as a float32 tensor of its own.
at::Tensor tensor_of(const Matrix& rows);

}  // namespace physgen
