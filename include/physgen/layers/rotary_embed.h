#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include <physgen/layers/table_cache.h>

namespace physgen {

/// Cosines and sines of rotary positions, [L, d/2] each; pairs are interleaved (x[2i], x[2i+1]).
struct RotaryTable {
  at::Tensor cosine, sine;
  bool defined() const { return cosine.defined(); }
  /// The rows [start, start + count).
  RotaryTable narrow(int64_t start, int64_t count) const;
};

/// The angles of 3-D positions: the head's dims are split t : h : w = d/8 : 7d/16 : 7d/16 (reference:
/// diffnext/models/embeddings.py RotaryEmbed3D). @param positions  [L, 3] (t, h, w)  @return float32 angles [L, d/2]
at::Tensor rotary_angles_3d(const at::Tensor& positions, int64_t head_width, double theta);

/// The angles of 1-D positions over all dims. @param positions  [L]  @return float32 angles [L, d/2]
at::Tensor rotary_angles_1d(const at::Tensor& positions, int64_t head_width, double theta);

/// @param angles  [L, d/2]; computed in float32, cast once
RotaryTable rotary_table(const at::Tensor& angles, const at::TensorOptions& options);

/// The same, kept in a module's cache under `key` (whose table number and the next are taken by it).
/// @param angles  computes them where they are not there yet
RotaryTable rotary_of(const TableCache& tables, TableCache::Key key, const at::TensorOptions& options,
                      const std::function<at::Tensor()>& angles);

/// Rotates x [B, H, L, d].
at::Tensor apply_rotary(const at::Tensor& x, const RotaryTable& table);

}  // namespace physgen
