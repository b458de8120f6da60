#include "kernels/checked_kernel.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <string>
#include <vector>

#include "kernels/agreement.h"

namespace physgen {
namespace {

constexpr const char* kNames = "group_norm_silu and its gradient";

// The most that a result may differ, of its greatest number: bfloat16 keeps eight bits of each.
struct Tolerance {
  at::ScalarType dtype;
  const char* name;
  double most;
};
constexpr std::array kTolerances = {Tolerance{at::kFloat, "float32", 1e-5}, Tolerance{at::kBFloat16, "bfloat16", 1e-2}};

/// Random frames, with what their result is differentiated by.
struct Frames {
  Frames(at::IntArrayRef sizes, at::ScalarType dtype) {
    at::Generator random = at::make_generator<at::CPUGeneratorImpl>(1);
    const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, random, at::kFloat); };
    x = (draw(sizes) * 2 + 0.5).to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
    weight = draw({sizes[1]});
    bias = draw({sizes[1]});
    slope = draw(sizes).to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
  }

  at::Tensor x, weight, bias, slope;
};

/// The result and the gradients of x, weight and bias, computed in a number type.
std::vector<at::Tensor> results_of(GroupNormForm form, const Frames& frames, at::ScalarType dtype, int64_t groups,
                                   bool silu) {
  const auto leaf = [](const at::Tensor& value, at::ScalarType type) {
    return value.detach().to(type).set_requires_grad(true);
  };
  const at::ScalarType wide = dtype == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor x = leaf(frames.x, dtype), weight = leaf(frames.weight, wide), bias = leaf(frames.bias, wide);
  const at::Tensor y = form(x, groups, weight, bias, silu);
  std::vector<at::Tensor> results = torch::autograd::grad({y}, {x, weight, bias}, {frames.slope.to(dtype)});
  results.insert(results.begin(), y.detach());
  return results;
}

// Rows that end within a vector and within a period, in both: several blocks a frame, and more channels than a period
// has.
struct Case {
  std::array<int64_t, 4> sizes;
  int64_t groups;
  bool silu;
};
constexpr std::array kCases = {Case{{1, 24, 27, 27}, 4, true}, Case{{2, 328, 3, 3}, 8, false}};

/// How far the kernel's worst result of one number type is from the plain form's in float64.
double difference_of(GroupNormForm kernel, GroupNormForm plain, at::ScalarType dtype) {
  std::vector<double> differences;
  for (const auto& [sizes, groups, silu] : kCases) {
    const Frames frames(sizes, dtype);
    differences.push_back(worst_difference(results_of(kernel, frames, dtype, groups, silu),
                                           results_of(plain, frames, at::kDouble, groups, silu)));
  }
  return worst_of(differences);
}

/// What is wrong with the kernel; empty: nothing.
std::string problem_of(GroupNormForm kernel, GroupNormForm plain) {
  for (const auto& [dtype, name, most] : kTolerances) {
    const Compared compared{.where = std::string(" in ") + name, .most = most};
    const std::string problem = disagreement(compared, [&] { return difference_of(kernel, plain, dtype); });
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace

CheckedKernel::CheckedKernel(GroupNormForm kernel, GroupNormForm plain, KernelSetting setting)
    : kernel_(kernel), plain_(plain), report_(report_of(kNames, setting, [&] { return problem_of(kernel, plain); })) {}

}  // namespace physgen
