#pragma once

#include "kernels/kernel_report.h"

namespace physgen {

/// The convolutions of `AmxConv`, compared with PyTorch's at the first call of a process, which tells where they are
/// set aside; only where `has_amx`. Throws ConfigError as `kernel_setting`.
const KernelReport& cpu_convolutions();

/// Whether they serve: they are neither off nor set aside.
bool convolutions_serve();

}  // namespace physgen
