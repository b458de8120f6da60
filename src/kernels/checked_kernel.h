#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/kernel_report.h"

namespace physgen {

/// One way to compute silu(group_norm(x)), or group_norm(x) alone, that can be differentiated.
/// @param x  [N, C, H, W]  @param weight, bias  [C], float32
using GroupNormForm = at::Tensor (*)(const at::Tensor& x, int64_t groups, const at::Tensor& weight,
                                     const at::Tensor& bias, bool silu);

/// A hand-written form that serves while it computes what the plain one does.
class CheckedKernel {
 public:
  /// Compares both on random frames, values and gradients, in float32 and bfloat16, unless the setting is off.
  CheckedKernel(GroupNormForm kernel, GroupNormForm plain, KernelSetting setting);

  const KernelReport& report() const { return report_; }

  /// The form to compute with: the hand-written one, or the plain one where that is off or set aside.
  GroupNormForm form() const { return report_.state == KernelReport::State::used ? kernel_ : plain_; }

 private:
  GroupNormForm kernel_, plain_;
  KernelReport report_;
};

/// The CPU's, compared at the first call of a process, which tells where it is set aside. Throws ConfigError as
/// `kernel_setting`.
const CheckedKernel& cpu_group_norm();

/// That of the environment, read at the first call of a process. Throws ConfigError for another text.
KernelSetting kernel_setting();

/// Tells who listens (see `tell_of_kernels`) that kernels are set aside, where they are.
void warn_of(const KernelReport& report);

}  // namespace physgen
