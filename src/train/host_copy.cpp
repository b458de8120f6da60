#include "train/host_copy.h"

#include <torch/torch.h>

namespace physgen {

at::Tensor host_copy(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach();
  if (!values.is_cuda()) return values.to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
  at::Tensor host = at::empty(values.sizes(), values.options().device(at::kCPU).pinned_memory(true));
  return host.copy_(values);
}

}  // namespace physgen
