#include "kernels/row_check.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "kernels/checked_kernel.h"
#include "kernels/group_norm_rows.h"
#include "kernels/row_kernels.h"

namespace physgen {
namespace {

constexpr double kMostDifference = 1e-5;  // of the greatest number

/// Random numbers of the check's own.
class Draw {
 public:
  at::Tensor operator()(at::IntArrayRef sizes) { return at::randn(sizes, random_, at::kFloat); }

 private:
  at::Generator random_ = at::make_generator<at::CPUGeneratorImpl>(1);
};

double difference(const at::Tensor& got, const at::Tensor& expected) {
  return ((got.to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
}

at::Tensor wide(const at::Tensor& x) { return x.to(at::kDouble); }

at::Tensor norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps) {
  return at::layer_norm(wide(x), {x.size(-1)}, wide(weight), wide(bias), eps);
}

// Rows, inputs and outputs that fill no whole tile, vector or panel.
double product_difference(const RowForms& forms, Draw draw) {
  const at::Tensor x = draw({27, 41}), weight = draw({53, 41}), bias = draw({53}), gain = draw({41}),
                   shift = draw({41});
  const at::Tensor residual = draw({27, 53}), gate = draw({53});
  const at::Tensor plain = at::linear(norm(x, gain, shift, 1e-6), wide(weight), wide(bias));
  const at::Tensor gated =
      forms.product(x, weight, bias, {.gain = gain, .shift = shift, .residual = residual, .gate = gate});
  const at::Tensor curved = forms.product(x, weight, bias, {.gain = gain, .shift = shift, .gelu = true});
  return std::max(difference(gated, wide(residual) + wide(gate) * plain), difference(curved, at::gelu(plain)));
}

double attention_difference(const RowForms& forms, Draw draw) {
  const at::Tensor q = draw({2, 3, 7, 21}), k = draw({2, 3, 19, 21}), v = draw({2, 3, 19, 21});
  const at::Tensor mask = at::zeros({7, 19}).masked_fill(draw({7, 19}) > 1, -std::numeric_limits<float>::infinity());
  const at::Tensor seen = at::scaled_dot_product_attention(wide(q), wide(k), wide(v), wide(mask));
  return difference(forms.attention(q, k, v, mask), seen.transpose(1, 2).flatten(2));
}

double norm_difference(const RowForms& forms, Draw draw) {
  const at::Tensor x = draw({27, 41}), residual = draw({27, 41}), weight = draw({41}), bias = draw({41});
  return difference(forms.add_norm(residual, x, weight, bias, 1e-5), wide(residual) + norm(x, weight, bias, 1e-5));
}

// What is wrong; empty: nothing.
std::string problem_of(const RowForms& forms) {
  const std::pair<const char*, double (*)(const RowForms&, Draw)> parts[] = {
      {"product", product_difference}, {"attention", attention_difference}, {"norm", norm_difference}};
  for (const auto& [name, difference_of] : parts) {
    std::ostringstream text;
    try {
      const double here = difference_of(forms, Draw());
      if (here <= kMostDifference) continue;
      text << name << " off by " << here << " of the greatest number, at most " << kMostDifference;
    } catch (const std::exception& error) {
      const std::string reason = error.what();  // of LibTorch's errors the other lines are a backtrace
      text << name << " fails: " << reason.substr(0, reason.find('\n'));
    }
    return text.str();
  }
  return "";
}

at::Tensor packed_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const RowWork& work) {
  return PackedLinear(weight, bias).forward(x, work);
}

}  // namespace

KernelReport check_rows(const RowForms& forms, KernelSetting setting) {
  KernelReport report{.names = "few rows: product, attention, norm", .instruction_set = instruction_set()};
  if (setting == KernelSetting::off) {
    report.state = KernelReport::State::off;
    return report;
  }
  const c10::InferenceMode inference;
  report.problem = problem_of(forms);
  if (!report.problem.empty()) report.state = KernelReport::State::set_aside;
  return report;
}

const KernelReport& cpu_row_kernels() {
  static const KernelReport checked = [] {
    const KernelReport report = check_rows({packed_product, attend_rows, add_norm}, kernel_setting());
    warn_of(report);
    return report;
  }();
  return checked;
}

}  // namespace physgen
