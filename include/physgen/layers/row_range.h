#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace physgen {

/// Rows [start, start + count) of a sequence.
struct RowRange {
  int64_t start = 0, count = 0;
};

/// Of all ranges together.
int64_t count_of(const std::vector<RowRange>& ranges);

/// The rows of `ranges` along a dimension, one range after the other; all of x without any.
at::Tensor rows_of(const at::Tensor& x, const std::vector<RowRange>& ranges, int64_t dimension);

}  // namespace physgen
