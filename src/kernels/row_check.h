#pragma once

#include "kernels/kernel_report.h"
#include "kernels/packed_linear.h"

namespace physgen {

/// Ways to compute what a control round does to few rows: those of row_kernels.h and PackedLinear, or others.
struct RowForms {
  at::Tensor (*product)(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const RowWork& work);
  at::Tensor (*attention)(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask);
  at::Tensor (*add_norm)(const at::Tensor& residual, const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& bias, double eps);
};

/// Compares them with PyTorch's operators on random rows, unless the setting is off.
KernelReport check_rows(const RowForms& forms, KernelSetting setting);

/// The hand-written ones, compared at the first call of a process, which tells where they are set aside. Throws
/// ConfigError as `kernel_setting`.
const KernelReport& cpu_row_kernels();

}  // namespace physgen
