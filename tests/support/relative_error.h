#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

namespace physgen {

/// |got - truth| / |truth|
inline double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  return ((got.to(at::kFloat) - truth).norm() / truth.norm()).item<double>();
}

}  // namespace physgen
