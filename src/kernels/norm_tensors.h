#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <optional>

#include "kernels/norm_rows.h"
#include "kernels/training_check.h"

namespace physgen {

/// The values of a contiguous tensor.
template <class T>
T* numbers(const at::Tensor& x) {
  return static_cast<T*>(x.data_ptr());
}

/// Those of a block of `values`; null for an undefined tensor.
template <class T>
T* block_of(const at::Tensor& x, int64_t index, int64_t values) {
  return x.defined() ? numbers<T>(x) + index * values : nullptr;
}

/// As an autograd function takes a tensor that may be undefined.
inline std::optional<at::Tensor> optional(const at::Tensor& x) {
  return x.defined() ? std::optional<at::Tensor>(x) : std::nullopt;
}

inline at::Tensor contiguous(const at::Tensor& x) { return x.defined() ? x.contiguous() : x; }

/// Calls `work` with a number of each tensor's type, of which the second is the first's or bfloat16.
template <class Work>
void by_types(const at::Tensor& wide, const at::Tensor& narrow, const Work& work) {
  if (wide.scalar_type() == at::kBFloat16) return work(Bfloat16Bits{}, Bfloat16Bits{});
  if (narrow.scalar_type() == at::kBFloat16) return work(float{}, Bfloat16Bits{});
  work(float{}, float{});
}

inline bool is_number_type(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
}

/// Whether rows of x are normalised, and differentiated, by the loops of norm_rows.h.
inline bool takes_norm_rows(const at::Tensor& x) {
  return x.is_cpu() && training_kernels_serve() && at::GradMode::is_enabled() && is_number_type(x) && x.numel() > 0 &&
         x.size(-1) <= kMostNormWidth;
}

}  // namespace physgen
