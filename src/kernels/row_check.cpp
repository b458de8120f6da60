#include "kernels/row_check.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include <limits>
#include <string>
#include <vector>

#include "kernels/agreement.h"
#include "kernels/checked_kernel.h"
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

at::Tensor wide(const at::Tensor& x) { return x.to(at::kDouble); }

at::Tensor norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps) {
  return at::layer_norm(wide(x), {x.size(-1)}, wide(weight), wide(bias), eps);
}

// Rows, inputs and outputs that fill no whole tile, vector or panel.
double product_difference(const RowForms& forms, Draw draw) {
  const at::Tensor x = draw({27, 41}), weight = draw({53, 41}), bias = draw({53}), gain = draw({41}),
                   shift = draw({41});
  const at::Tensor residual = draw({27, 53}), gate = draw({53});
  const auto got = [&](const RowWork& work) { return forms.product(x, weight, bias, work); };
  const at::Tensor plain = at::linear(wide(x), wide(weight), wide(bias));
  const at::Tensor normed = at::linear(norm(x, gain, shift, 1e-6), wide(weight), wide(bias));
  return worst_of({difference(got({}), plain), difference(got({.residual = residual}), wide(residual) + plain),
                   difference(got({.gain = gain, .shift = shift, .gelu = true}), at::gelu(normed)),
                   difference(got({.gain = gain, .shift = shift, .residual = residual, .gate = gate}),
                              wide(residual) + wide(gate) * normed)});
}

// Of parts of rows, whose keys fill an odd number of vectors, and whose widths several and a rest.
double attention_difference(const RowForms& forms, Draw draw) {
  const at::Tensor rows = draw({2, 35, 3 * 2 * 53});  // three parts of two heads
  const std::vector<at::Tensor> parts = rows.unflatten(2, {3, 2, 53}).permute({2, 0, 3, 1, 4}).unbind(0);
  const at::Tensor q = parts[0].narrow(2, 0, 7), &k = parts[1], &v = parts[2];
  const at::Tensor none = at::zeros({7, 35}, at::kFloat);
  const at::Tensor mask = none.masked_fill(draw({7, 35}) > 1, -std::numeric_limits<float>::infinity());
  const auto seen = [&](const at::Tensor& added) {
    return at::scaled_dot_product_attention(wide(q), wide(k), wide(v), wide(added)).transpose(1, 2).flatten(2);
  };
  return worst_of(
      {difference(forms.attention(q, k, v, mask), seen(mask)), difference(forms.attention(q, k, v, {}), seen(none))});
}

double norm_difference(const RowForms& forms, Draw draw) {
  const at::Tensor x = draw({27, 41}), residual = draw({27, 41}), weight = draw({41}), bias = draw({41});
  return difference(forms.add_norm(residual, x, weight, bias, 1e-5), wide(residual) + norm(x, weight, bias, 1e-5));
}

// What is wrong; empty: nothing.
std::string problem_of(const RowForms& forms) {
  const c10::InferenceMode inference;
  const std::pair<const char*, double (*)(const RowForms&, Draw)> parts[] = {
      {"product ", product_difference}, {"attention ", attention_difference}, {"norm ", norm_difference}};
  for (const auto& [name, difference_of] : parts) {
    const Compared compared{.what = name, .most = kMostDifference};
    const std::string problem = disagreement(compared, [&] { return difference_of(forms, Draw()); });
    if (!problem.empty()) return problem;
  }
  return "";
}

at::Tensor packed_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const RowWork& work) {
  return PackedLinear(weight, bias).forward(x, work);
}

}  // namespace

KernelReport check_rows(const RowForms& forms, KernelSetting setting) {
  return report_of("few rows: product, attention, norm", setting, [&] { return problem_of(forms); });
}

const KernelReport& cpu_row_kernels() {
  static const KernelReport checked = [] {
    KernelReport report = check_rows({packed_product, attend_heads, add_norm}, kernel_setting());
    // Their sums fill the registers of AVX-512. With those of AVX2 they are 40 times as slow as PyTorch's product.
    const bool is_suited = report.instruction_set == "x86-64-v4";
    if (!is_suited && report.state == KernelReport::State::used) report.state = KernelReport::State::unsuited;
    warn_of(report);
    return report;
  }();
  return checked;
}

}  // namespace physgen
