#pragma once

#include "kernels/kernel_report.h"

namespace physgen {

/// The kernels that are differentiated on the CPU (modulated_norm.h, residual_norm.h, row_attention.h, amx_linear.h,
/// amx_mlp.h, biased_activation.h), values and gradients compared with PyTorch's operators at the first call of a
/// process, which tells where they are set aside. Throws ConfigError as `kernel_setting`.
const KernelReport& cpu_training_kernels();

/// Whether they serve: they are neither off nor set aside.
bool training_kernels_serve();

}  // namespace physgen
