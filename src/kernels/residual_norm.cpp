#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/norm_rows.h"
#include "kernels/norm_tensors.h"
#include "kernels/residual_norm.h"
#include "kernels/row_tasks.h"

namespace physgen {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

int64_t rows_of(const at::Tensor& x) { return x.numel() / x.size(-1); }

struct Inputs {
  at::Tensor x, weight, bias, residual, gate;
  int64_t gate_stride() const { return gate.defined() ? gate.stride(0) : 0; }
};

template <class X, class R>
void add_norm(const Inputs& in, double eps, const at::Tensor& z, const at::Tensor& statistics) {
  const int64_t width = in.x.size(-1), values = kTaskRows * width;
  for_each_task(rows_of(in.x), [&](int64_t task, int64_t rows) {
    run(ResidualRows<X, R>{.x = block_of<X>(in.x, task, values),
                           .gate = block_of<X>(in.gate, task, kTaskRows * in.gate_stride()),
                           .weight = numbers<float>(in.weight),
                           .bias = numbers<float>(in.bias),
                           .residual = block_of<R>(in.residual, task, values),
                           .z = block_of<R>(z, task, values),
                           .statistics = block_of<float>(statistics, task, 2 * kTaskRows),
                           .rows = rows,
                           .width = width,
                           .gate_stride = in.gate_stride(),
                           .epsilon = static_cast<float>(eps)});
  });
}

struct Gradients {
  at::Tensor dx, dgate, sums;  // sums: of weight and bias by task, [tasks, 2, W]
};

template <class X, class R>
void differentiate(const Inputs& in, const at::Tensor& statistics, const at::Tensor& dz, const Gradients& out) {
  const int64_t width = in.x.size(-1), values = kTaskRows * width;
  for_each_task(rows_of(in.x), [&](int64_t task, int64_t rows) {
    run(ResidualGradients<X, R>{.x = block_of<X>(in.x, task, values),
                                .gate = block_of<X>(in.gate, task, kTaskRows * in.gate_stride()),
                                .weight = numbers<float>(in.weight),
                                .bias = numbers<float>(in.bias),
                                .statistics = block_of<float>(statistics, task, 2 * kTaskRows),
                                .dz = block_of<R>(dz, task, values),
                                .dx = block_of<X>(out.dx, task, values),
                                .dgate = block_of<X>(out.dgate, task, values),
                                .dweight = block_of<float>(out.sums, task, 2 * width),
                                .dbias = block_of<float>(out.sums, task, 2 * width) + width,
                                .rows = rows,
                                .width = width,
                                .gate_stride = in.gate_stride()});
  });
}

// As rows that may stand apart.
at::Tensor gate_rows(const at::Tensor& gate) {
  if (!gate.defined()) return gate;
  const at::Tensor rows = gate.reshape({-1, gate.size(-1)});
  return rows.stride(1) == 1 ? rows : rows.contiguous();
}

struct ResidualNorm : torch::autograd::Function<ResidualNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& residual, const std::optional<at::Tensor>& gate,
                            double eps) {
    const Inputs in{x.contiguous(), weight.contiguous(), bias.contiguous(), residual.contiguous(),
                    gate_rows(gate.value_or(at::Tensor()))};
    const at::Tensor z = at::empty(in.residual.sizes(), in.residual.options());
    const at::Tensor statistics = at::empty({rows_of(x), 2}, weight.options());
    by_types(residual, x,
             [&](auto of_r, auto of_x) { add_norm<decltype(of_x), decltype(of_r)>(in, eps, z, statistics); });
    context->save_for_backward({in.x, in.weight, in.bias, in.gate, statistics});
    return z;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Inputs in{saved[0], saved[1], saved[2], {}, saved[3]};
    const at::Tensor dz = gradients[0].contiguous();
    const Gradients out{at::empty(in.x.sizes(), in.x.options()),
                        in.gate.defined() ? at::empty(in.x.sizes(), in.x.options()) : at::Tensor(),
                        at::zeros({count_tasks(rows_of(in.x)), 2, in.x.size(-1)}, in.weight.options())};
    by_types(dz, in.x,
             [&](auto of_r, auto of_x) { differentiate<decltype(of_x), decltype(of_r)>(in, saved[4], dz, out); });
    const at::Tensor sums = out.sums.sum(0);
    return {out.dx, sums[0], sums[1], gradients[0], out.dgate, at::Tensor()};
  }
};

// Whether the loops are there for these types: the sum is of the residual's, which is float32 or x's.
bool is_fused(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& residual, const at::Tensor& gate) {
  const bool gate_fits = !gate.defined() || (gate.sizes() == x.sizes() && gate.scalar_type() == x.scalar_type());
  const bool residual_fits = residual.sizes() == x.sizes() && is_number_type(residual) &&
                             (residual.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
  return takes_norm_rows(x) && weight.scalar_type() == at::kFloat && gate_fits && residual_fits;
}

}  // namespace

at::Tensor residual_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         const at::Tensor& residual, double eps, const at::Tensor& gate) {
  if (is_fused(x, weight, residual, gate)) return ResidualNorm::apply(x, weight, bias, residual, optional(gate), eps);
  const at::Tensor normed = at::layer_norm(x, {x.size(-1)}, weight, bias, eps);
  return (gate.defined() ? normed * gate : normed) + residual;
}

}  // namespace physgen
