#include "bench/random_windows.h"

#include <torch/torch.h>

namespace physgen {

WindowBatch RandomWindows::batch(int64_t position, int64_t count) const {
  const int64_t first = position % size_;
  TORCH_CHECK_VALUE(first + count <= size_, "[RandomWindows] ", count, " windows from ", first, " on of ", size_);
  WindowBatch batch = windows_;
  for (at::Tensor* tensor : {&batch.latents, &batch.frame_valid, &batch.actions, &batch.action_valid, &batch.states}) {
    if (tensor->defined()) *tensor = tensor->narrow(0, first, count);
  }
  batch.instructions.resize(static_cast<size_t>(count));  // they are all the same
  return batch;
}

}  // namespace physgen
