#include "kernels/kernel_report.h"

#include <c10/util/Exception.h>

#include <cstdlib>
#include <utility>

#include "kernels/amx.h"
#include "kernels/amx_conv_check.h"
#include "kernels/checked_kernel.h"
#include "kernels/row_check.h"
#include "kernels/training_check.h"

namespace physgen {
namespace {

std::function<void(const std::string&)>& listener() {
  static std::function<void(const std::string&)> tell;
  return tell;
}

}  // namespace

KernelSetting kernel_setting(const char* text) {
  if (!text || !*text) return KernelSetting::on;
  return choice_of<KernelSetting>(text, "there is no such setting of hand-written kernels", "PHYSGEN_KERNELS");
}

KernelSetting kernel_setting() {
  static const KernelSetting setting = kernel_setting(std::getenv("PHYSGEN_KERNELS"));  // NOLINT(concurrency-mt-unsafe)
  return setting;
}

std::vector<KernelReport> kernel_reports() {
  std::vector<KernelReport> reports = {cpu_group_norm().report(), cpu_row_kernels(), cpu_training_kernels()};
  if (has_amx()) reports.push_back(cpu_convolutions());
  return reports;
}

void tell_of_kernels(std::function<void(const std::string&)> tell) { listener() = std::move(tell); }

void warn_of(const KernelReport& report) {
  if (report.state != KernelReport::State::set_aside) return;
  const std::string line = "hand-written kernels (" + report.names + "; " + report.instruction_set +
                           ") are set aside for PyTorch's operators: " + report.problem;
  if (!listener()) {
    TORCH_WARN(line);
    return;
  }
  listener()(line);
}

}  // namespace physgen
