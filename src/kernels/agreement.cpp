#include "kernels/agreement.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "kernels/group_norm_rows.h"

namespace physgen {
namespace {

// What a user's program has set for its own computing does not count.
struct OwnModes {
  c10::InferenceMode no_inference{false};
  at::AutoGradMode gradients{true};
  c10::impl::ExcludeDispatchKeyGuard no_autocast{c10::autocast_dispatch_keyset};
};

}  // namespace

double difference(const at::Tensor& got, const at::Tensor& expected) {
  if (got.sizes() != expected.sizes()) return std::numeric_limits<double>::infinity();
  return ((got.to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
}

double worst_of(const std::vector<double>& differences) {
  double worst = 0;
  for (const double one : differences) {
    if (std::isnan(one)) return one;
    worst = std::max(worst, one);
  }
  return worst;
}

double worst_difference(const std::vector<at::Tensor>& got, const std::vector<at::Tensor>& expected) {
  std::vector<double> differences;
  for (size_t i = 0; i < got.size(); ++i) differences.push_back(difference(got[i], expected[i]));
  return worst_of(differences);
}

std::string disagreement(const Compared& compared, const std::function<double()>& difference) {
  std::ostringstream text;
  text << compared.what;
  try {
    const double here = difference();
    if (here <= compared.most) return "";
    text << "off by " << here << " of the greatest number" << compared.where << ", at most " << compared.most;
  } catch (const std::exception& error) {
    const std::string reason = error.what();  // of LibTorch's errors the other lines are a backtrace
    text << "fails" << compared.where << ": " << reason.substr(0, reason.find('\n'));
  }
  return text.str();
}

KernelReport report_of(const std::string& names, KernelSetting setting, const std::function<std::string()>& problem) {
  KernelReport report{.names = names, .instruction_set = instruction_set()};
  if (setting == KernelSetting::off) {
    report.state = KernelReport::State::off;
    return report;
  }
  const OwnModes modes;
  report.problem = problem();
  if (!report.problem.empty()) report.state = KernelReport::State::set_aside;
  return report;
}

}  // namespace physgen
