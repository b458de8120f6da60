#pragma once

#include <ATen/core/Tensor.h>

#include <physgen/codec/pack_layout.h>

namespace physgen {

/// Who sees whom in a sequence of `packs` packs. A frame sees the prefix, earlier packs and itself; a state token sees
/// its frame too; action i sees its frame, its state and actions j <= i (all with `causal_actions` off); the prefix
/// sees itself and, with `text_sees_first_frame`, the first frame.
/// @return additive float32 [n, n]: 0 where the row's query sees the column's key, else -infinity
at::Tensor causal_mask(const PackLayout& layout, int64_t packs, const CodecConfig& config);

}  // namespace physgen
