#include <physgen/layers/row_range.h>

#include <torch/torch.h>

namespace physgen {

int64_t count_of(const std::vector<RowRange>& ranges) {
  int64_t count = 0;
  for (const RowRange& range : ranges) count += range.count;
  return count;
}

at::Tensor rows_of(const at::Tensor& x, const std::vector<RowRange>& ranges, int64_t dimension) {
  if (ranges.empty() || count_of(ranges) == x.size(dimension)) return x;
  std::vector<at::Tensor> parts;
  for (const RowRange& range : ranges) parts.push_back(x.narrow(dimension, range.start, range.count));
  return parts.size() == 1 ? parts.front() : at::cat(parts, dimension);
}

}  // namespace physgen
