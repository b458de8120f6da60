#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels/modulated_norm.h"
#include "kernels/norm_rows.h"
#include "kernels/norm_tensors.h"
#include "kernels/parallel.h"

namespace physgen {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kTaskValues = 16384;

// Modulations as rows, one for each group of x's rows.
at::Tensor groups_of(const at::Tensor& modulation) {
  if (!modulation.defined()) return modulation;
  const at::Tensor rows = modulation.reshape({-1, modulation.size(-1)});
  return rows.stride(1) == 1 ? rows : rows.contiguous();
}

template <class T>
T* group(const at::Tensor& modulations, int64_t index) {
  return modulations.defined() ? numbers<T>(modulations) + index * modulations.stride(0) : nullptr;
}

template <class Work>
void for_each_group(int64_t groups, int64_t values, const Work& work) {
  at::parallel_for(0, groups, std::max<int64_t>(1, kTaskValues / values), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) work(i);
  });
}

struct Inputs {
  at::Tensor x, gate, y, gain, shift;  // gate, y: undefined for no sum; gain, shift: undefined for no norm
  const at::Tensor& modulation() const { return gain.defined() ? gain : gate; }
};

struct Outputs {
  at::Tensor h, z, statistics;
};

template <class X, class M>
void modulate(const Inputs& in, double eps, const Outputs& out) {
  const int64_t width = in.x.size(-1), groups = in.modulation().size(0), rows = in.x.numel() / width / groups;
  for_each_group(groups, rows * width, [&](int64_t i) {
    run(ModulatedRows<X, M>{.x = block_of<X>(in.x, i, rows * width),
                            .gate = group<M>(in.gate, i),
                            .y = block_of<M>(in.y, i, rows * width),
                            .h = block_of<X>(out.h, i, rows * width),
                            .gain = group<M>(in.gain, i),
                            .shift = group<M>(in.shift, i),
                            .z = block_of<M>(out.z, i, rows * width),
                            .statistics = block_of<float>(out.statistics, i, rows * 2),
                            .rows = rows,
                            .width = width,
                            .epsilon = static_cast<float>(eps)});
  });
}

struct Gradients {
  at::Tensor dx, dgate, dy, dgain, dshift;
};

// @param in  with h in x's place
template <class X, class M>
void differentiate(const Inputs& in, const Outputs& given, const Gradients& out) {
  const int64_t width = in.x.size(-1), groups = in.modulation().size(0), rows = in.x.numel() / width / groups;
  for_each_group(groups, rows * width, [&](int64_t i) {
    run(ModulatedGradients<X, M>{.h = block_of<X>(in.x, i, rows * width),
                                 .dh = block_of<X>(given.h, i, rows * width),
                                 .gate = group<M>(in.gate, i),
                                 .y = block_of<M>(in.y, i, rows * width),
                                 .gain = group<M>(in.gain, i),
                                 .dz = block_of<M>(given.z, i, rows * width),
                                 .statistics = block_of<float>(given.statistics, i, rows * 2),
                                 .dx = block_of<X>(out.dx, i, rows * width),
                                 .dy = block_of<M>(out.dy, i, rows * width),
                                 .dgate = group<M>(out.dgate, i),
                                 .dgain = group<M>(out.dgain, i),
                                 .dshift = group<M>(out.dshift, i),
                                 .rows = rows,
                                 .width = width});
  });
}

at::Tensor empty_as(const at::Tensor& x) { return x.defined() ? at::empty(x.sizes(), x.options()) : x; }

struct ModulatedNorm : torch::autograd::Function<ModulatedNorm> {
  // Returns h, where there is a gate, and z, where there is a gain.
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const std::optional<at::Tensor>& gate,
                               const std::optional<at::Tensor>& y, const std::optional<at::Tensor>& gain,
                               const std::optional<at::Tensor>& shift, double eps) {
    const at::Tensor none;
    const Inputs in{x.contiguous(), groups_of(gate.value_or(none)), contiguous(y.value_or(none)),
                    groups_of(gain.value_or(none)), groups_of(shift.value_or(none))};
    Outputs out;
    if (gate) out.h = empty_as(in.x);
    if (gain) out.z = at::empty(x.sizes(), gain->options());
    if (gain) out.statistics = at::empty({x.numel() / x.size(-1), 2}, x.options().dtype(at::kFloat));
    by_types(x, in.modulation(), [&](auto of_x, auto of_m) { modulate<decltype(of_x), decltype(of_m)>(in, eps, out); });
    context->save_for_backward({gate && gain ? out.h : in.x, in.gate, in.y, in.gain, out.statistics});
    context->saved_data["sizes"] = gain.value_or(gate.value_or(none)).sizes().vec();
    context->set_materialize_grads(false);
    variable_list outputs;
    for (const at::Tensor& output : {out.h, out.z}) {
      if (output.defined()) outputs.push_back(output);
    }
    return outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Inputs in{saved[0], saved[1], saved[2], saved[3], {}};
    const bool has_sum = in.gate.defined(), has_norm = in.gain.defined();
    const at::Tensor dh = has_sum ? contiguous(gradients[0]) : at::Tensor();
    const at::Tensor dz = has_norm ? contiguous(gradients.back()) : at::Tensor();
    if (!dh.defined() && !dz.defined()) return variable_list(6);
    const at::Tensor of_norm = has_norm ? at::empty(in.gain.sizes(), in.gain.options()) : at::Tensor();
    const Gradients out{empty_as(in.x), has_sum ? at::empty(in.gate.sizes(), in.gate.options()) : at::Tensor(),
                        empty_as(in.y), of_norm, empty_as(of_norm)};
    by_types(in.x, in.modulation(), [&](auto of_x, auto of_m) {
      differentiate<decltype(of_x), decltype(of_m)>(in, {dh, dz, saved[4]}, out);
    });
    const std::vector<int64_t> sizes = context->saved_data["sizes"].toIntVector();
    const auto shaped = [&](const at::Tensor& rows) { return rows.defined() ? rows.view(sizes) : rows; };
    return {out.dx, shaped(out.dgate), out.dy, shaped(out.dgain), shaped(out.dshift), at::Tensor()};
  }
};

// As x, or with ones for all but its first and last dimension.
bool modulates(const at::Tensor& x, const at::Tensor& modulation) {
  const int64_t width = x.size(-1), last = x.dim() - 1;
  if (modulation.sizes() == x.sizes()) return true;
  return last > 0 && modulation.dim() == x.dim() && modulation.size(0) == x.size(0) && modulation.size(last) == width &&
         modulation.numel() == x.size(0) * width;
}

// Whether the loops are there for these types: all but x are of one, which is x's or bfloat16.
bool is_fused(const at::Tensor& x, const at::Tensor& modulation, const at::Tensor& other) {
  const at::ScalarType type = modulation.scalar_type();
  return takes_norm_rows(x) && modulates(x, modulation) && is_number_type(modulation) && other.scalar_type() == type &&
         (x.scalar_type() == at::kFloat || type == at::kBFloat16);
}

at::Tensor norm_by_operators(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, double eps) {
  return at::layer_norm(x, {x.size(-1)}, {}, {}, eps) * gain + shift;
}

}  // namespace

at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, double eps) {
  if (!is_fused(x, gain, shift)) return norm_by_operators(x, gain, shift, eps);
  return ModulatedNorm::apply(x, std::nullopt, std::nullopt, optional(gain), optional(shift), eps)[0];
}

std::pair<at::Tensor, at::Tensor> gated_modulated_norm(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y,
                                                       const at::Tensor& gain, const at::Tensor& shift, double eps) {
  if (!is_fused(x, gain, shift) || !is_fused(x, gate, y) || gate.sizes() != gain.sizes()) {
    const at::Tensor h = at::addcmul(x, gate, y);
    return {h, modulated_norm(h, gain, shift, eps)};
  }
  const variable_list outputs =
      ModulatedNorm::apply(x, optional(gate), optional(y), optional(gain), optional(shift), eps);
  return {outputs[0], outputs[1]};
}

at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y) {
  if (!is_fused(x, gate, y)) return at::addcmul(x, gate, y);
  return ModulatedNorm::apply(x, optional(gate), optional(y), std::nullopt, std::nullopt, 0.0)[0];
}

}  // namespace physgen
