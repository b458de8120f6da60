#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace physgen {

/// Runs `function` without keeping its activations; the backward pass runs it again for them (arXiv 1604.06174).
/// `function` must be deterministic. Gradients of the parameters it uses are accumulated as usual.
at::Tensor run_checkpointed(const std::function<at::Tensor(const at::Tensor&)>& function, const at::Tensor& x);

}  // namespace physgen
