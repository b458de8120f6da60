#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "kernels/kernel_report.h"

namespace physgen {

// Hand-written kernels beside PyTorch's operators.

/// How far a result is from one in float64, of its greatest number; infinite where the sizes are others.
double difference(const at::Tensor& got, const at::Tensor& expected);

/// The greatest, or what is no number.
double worst_of(const std::vector<double>& differences);

/// The worst of results, one by one.
double worst_difference(const std::vector<at::Tensor>& got, const std::vector<at::Tensor>& expected);

/// What is compared, as the sentence about a difference names it.
struct Compared {
  std::string what = {};   ///< "product "
  std::string where = {};  ///< " in float32"
  double most = 0;         ///< that it may differ
};

/// What is wrong where it differs by more, by no number, or fails; empty: nothing.
std::string disagreement(const Compared& compared, const std::function<double()>& difference);

/// Of kernels whose `problem` is asked for unless the setting is off, with gradients, without autocast and outside of
/// inference mode, whatever the program has set for its own computing.
KernelReport report_of(const std::string& names, KernelSetting setting, const std::function<std::string()>& problem);

}  // namespace physgen
