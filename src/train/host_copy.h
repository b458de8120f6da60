#pragma once

#include <ATen/core/Tensor.h>

namespace physgen {

/// A copy on the host that no later step changes. It is made before this returns: from a GPU into pinned memory, which
/// is several times as fast and is kept for the next copy.
at::Tensor host_copy(const at::Tensor& tensor);

}  // namespace physgen
