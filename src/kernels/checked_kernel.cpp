#include "kernels/checked_kernel.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/group_norm_rows.h"

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

// What a user's program has set for its own computing does not count.
struct OwnModes {
  c10::InferenceMode no_inference{false};
  at::AutoGradMode gradients{true};
  c10::impl::ExcludeDispatchKeyGuard no_autocast{c10::autocast_dispatch_keyset};
};

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

double difference(const at::Tensor& got, const at::Tensor& expected) {
  if (got.sizes() != expected.sizes()) return std::numeric_limits<double>::infinity();
  return ((got.to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
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
double worst_difference(GroupNormForm kernel, GroupNormForm plain, at::ScalarType dtype) {
  double worst = 0;
  for (const auto& [sizes, groups, silu] : kCases) {
    const Frames frames(sizes, dtype);
    const std::vector<at::Tensor> got = results_of(kernel, frames, dtype, groups, silu);
    const std::vector<at::Tensor> expected = results_of(plain, frames, at::kDouble, groups, silu);
    for (size_t i = 0; i < got.size(); ++i) {
      const double here = difference(got[i], expected[i]);
      if (std::isnan(here)) return here;
      worst = std::max(worst, here);
    }
  }
  return worst;
}

/// What is wrong with the kernel in one number type; empty: nothing.
std::string problem_of(GroupNormForm kernel, GroupNormForm plain, const Tolerance& tolerance) {
  std::ostringstream text;
  try {
    const double worst = worst_difference(kernel, plain, tolerance.dtype);
    if (worst <= tolerance.most) return "";
    text << "off by " << worst << " of the greatest number in " << tolerance.name << ", at most " << tolerance.most;
  } catch (const std::exception& error) {
    const std::string reason = error.what();  // of LibTorch's errors the other lines are a backtrace
    text << "fails in " << tolerance.name << ": " << reason.substr(0, reason.find('\n'));
  }
  return text.str();
}

}  // namespace

CheckedKernel::CheckedKernel(GroupNormForm kernel, GroupNormForm plain, KernelSetting setting)
    : kernel_(kernel), plain_(plain), report_{.names = kNames, .instruction_set = instruction_set()} {
  if (setting == KernelSetting::off) {
    report_.state = KernelReport::State::off;
    return;
  }
  const OwnModes modes;
  for (const Tolerance& tolerance : kTolerances) {
    report_.problem = problem_of(kernel, plain, tolerance);
    if (report_.problem.empty()) continue;
    report_.state = KernelReport::State::set_aside;
    return;
  }
}

}  // namespace physgen
