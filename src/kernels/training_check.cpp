#include "kernels/training_check.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/agreement.h"
#include "kernels/amx.h"
#include "kernels/amx_linear.h"
#include "kernels/amx_mlp.h"
#include "kernels/biased_activation.h"
#include "kernels/checked_kernel.h"
#include "kernels/modulated_norm.h"
#include "kernels/residual_norm.h"
#include "kernels/row_attention.h"

namespace physgen {
namespace {

using Tensors = std::vector<at::Tensor>;
using Form = at::Tensor (*)(const Tensors& inputs);

constexpr const char *kNames = "training: norms, attention, activations",
                     *kAmxNames = "training: norms, attention, activations, products (AMX)";
constexpr double kEps = 1e-5;
constexpr int64_t kHeads = 3;

/// A kernel beside PyTorch's operators; rows and widths fill no whole vector.
struct Pair {
  const char* name;
  Form kernel, plain;
  std::vector<std::vector<int64_t>> sizes;  // of the inputs
  at::ScalarType first = at::kFloat;        // of the first input
};

at::Tensor normed(const at::Tensor& x) { return at::layer_norm(x, {x.size(-1)}, {}, {}, kEps); }

at::Tensor plain_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto split = [](const at::Tensor& x) { return x.unflatten(2, {kHeads, -1}).transpose(1, 2); };
  const at::Tensor scores =
      at::matmul(split(q), split(k).transpose(2, 3)) / std::sqrt(static_cast<double>(q.size(2)) / kHeads);
  return at::matmul(at::softmax(scores, -1), split(v)).transpose(1, 2).flatten(2);
}

// For CPUs with AMX; more rows than a task has.
const std::vector<Pair>& amx_pairs() {
  static const std::vector<Pair> all = {
      {"AMX product",
       [](const Tensors& in) { return amx_linear(in[0], in[1], in[2]); },
       [](const Tensors& in) { return at::linear(in[0], in[1], in[2]); },
       {{145, 64}, {96, 64}, {96}},
       at::kBFloat16},
      {"AMX MLP",
       [](const Tensors& in) {
         return amx_mlp(in[0], {in[1], in[2], in[3], in[4]}, Activation::gelu);
       },
       [](const Tensors& in) { return at::linear(at::gelu(at::linear(in[0], in[1], in[2])), in[3], in[4]); },
       {{145, 32}, {160, 32}, {160}, {32, 160}, {32}},
       at::kBFloat16}};
  return all;
}

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> all = {
      {"norm and sum",
       [](const Tensors& in) { return residual_norm(in[0], in[1], in[2], in[3], kEps); },
       [](const Tensors& in) { return normed(in[0]) * in[1] + in[2] + in[3]; },
       {{2, 5, 37}, {37}, {37}, {2, 5, 37}}},
      {"gate, norm and modulation",
       [](const Tensors& in) {
         const auto [h, z] = gated_modulated_norm(in[0], in[1], in[2], in[3], in[4], kEps);
         return at::stack({h, z});
       },
       [](const Tensors& in) {
         const at::Tensor h = in[0] + in[1] * in[2];
         return at::stack({h, normed(h) * in[3] + in[4]});
       },
       {{2, 5, 37}, {2, 1, 37}, {2, 5, 37}, {2, 1, 37}, {2, 1, 37}}},
      {"attention",
       [](const Tensors& in) { return attend_rows(in[0], kHeads); },
       [](const Tensors& in) {
         const Tensors parts = in[0].chunk(3, -1);
         return plain_attention(parts[0], parts[1], parts[2]);
       },
       {{2, 19, 3 * kHeads * 7}}},
      {"attention to others",
       [](const Tensors& in) { return attend_other_rows(in[0], in[1], kHeads); },
       [](const Tensors& in) {
         const Tensors parts = in[1].chunk(2, -1);
         return plain_attention(in[0], parts[0], parts[1]);
       },
       {{2, 5, kHeads * 7}, {2, 19, 2 * kHeads * 7}}},
      {"bias and gelu",
       [](const Tensors& in) { return biased_activation(in[0], in[1], Activation::gelu); },
       [](const Tensors& in) { return at::gelu(in[0] + in[1]); },
       {{11, 37}, {37}},
       at::kBFloat16},
      {"bias and silu",
       [](const Tensors& in) { return biased_activation(in[0], in[1], Activation::silu); },
       [](const Tensors& in) { return at::silu(in[0] + in[1]); },
       {{11, 37}, {37}},
       at::kBFloat16}};
  return all;
}

/// The result, and the gradients of the inputs by a random slope.
Tensors results_of(Form form, const Tensors& inputs, at::ScalarType dtype) {
  Tensors leaves;
  for (const at::Tensor& input : inputs) {
    const bool wide = dtype == at::kDouble;
    leaves.push_back(input.detach().to(wide ? dtype : input.scalar_type()).set_requires_grad(true));
  }
  const at::Tensor y = form(leaves);
  at::Generator random = at::make_generator<at::CPUGeneratorImpl>(2);
  const at::Tensor slope = at::randn(y.sizes(), random, at::kFloat).to(at::kBFloat16).to(y.scalar_type());
  Tensors results = torch::autograd::grad({y}, {leaves.begin(), leaves.end()}, {slope});
  results.insert(results.begin(), y.detach());
  return results;
}

double difference_of(const Pair& pair) {
  at::Generator random = at::make_generator<at::CPUGeneratorImpl>(1);
  Tensors inputs;
  for (const auto& sizes : pair.sizes) {
    inputs.push_back(at::randn(sizes, random, at::kFloat).to(inputs.empty() ? pair.first : at::kFloat));
  }
  return worst_difference(results_of(pair.kernel, inputs, at::kFloat), results_of(pair.plain, inputs, at::kDouble));
}

thread_local bool is_checking = false;  // in which they serve, or they could not be compared

// What is wrong; empty: nothing.
std::string problem_of_kernels() {
  std::string problem;
  is_checking = true;
  const auto compare = [&](const Pair& pair) {
    const Compared compared{.what = std::string(pair.name) + " ", .most = pair.first == at::kBFloat16 ? 2e-2 : 2e-5};
    if (problem.empty()) problem = disagreement(compared, [&] { return difference_of(pair); });
  };
  std::for_each(pairs().begin(), pairs().end(), compare);
  if (has_amx()) std::for_each(amx_pairs().begin(), amx_pairs().end(), compare);
  is_checking = false;
  return problem;
}

}  // namespace

const KernelReport& cpu_training_kernels() {
  static const KernelReport checked = [] {
    const KernelReport report = report_of(has_amx() ? kAmxNames : kNames, kernel_setting(), problem_of_kernels);
    warn_of(report);
    return report;
  }();
  return checked;
}

bool training_kernels_serve() { return is_checking || cpu_training_kernels().state == KernelReport::State::used; }

}  // namespace physgen
