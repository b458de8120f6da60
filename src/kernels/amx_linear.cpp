#include "kernels/amx_linear.h"

#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/amx_tasks.h"
#include "kernels/biased_activation.h"

namespace physgen {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// x weights + bias, row by row.
at::Tensor product(const at::Tensor& x, const AmxWeights& weights, const at::Tensor& bias, int64_t columns) {
  const at::Tensor y = at::empty({x.size(0), columns}, x.options());
  const AmxTaskRows rows(x);
  for_each_amx_part(x.size(0), [&](const AmxPart& part) {
    const AmxBuffer<float> sums(2 * kAmxRowsPanel);
    for (int64_t task = part.first; task < part.last; ++task) {
      multiply_rows(rows.of(task), weights, block_of<float>(bias, 0, 0), rows.count(task), columns,
                    block_of<Bfloat16Bits>(y, task, kAmxRows * columns), sums.get());
    }
  });
  return y;
}

struct WeightGradients {
  at::Tensor weight, bias;
};

// Sums over each part's rows, which are added in the order of the parts.
WeightGradients weight_gradients(const at::Tensor& x, const at::Tensor& dy) {
  const int64_t parts = count_amx_parts(x.size(0)), in = x.size(1), out = dy.size(1);
  const auto options = x.options().dtype(at::kFloat);
  const at::Tensor weight = at::empty({parts, out, in}, options), bias = at::zeros({parts, out}, options);
  const AmxTaskRows x_rows(x), dy_rows(dy);
  for_each_amx_part(x.size(0), [&](const AmxPart& part) {
    const AmxBuffer<Bfloat16Bits> left(kAmxRows * out), right(kAmxRows * in);
    for (int64_t task = part.first; task < part.last; ++task) {
      const AmxRows of_x = x_rows.of(task), of_dy = dy_rows.of(task);
      pack_transposed(of_dy, left.get());
      pack_pairs(of_x, right.get());
      multiply({left.get(), of_dy.rows, right.get(), of_x.rows * kAmxPanel,
                block_of<float>(weight, part.index, out * in), in, kAmxPanel, out, in, of_x.rows, task > part.first});
      add_rows(of_dy.x, of_dy.rows, out, block_of<float>(bias, part.index, out));
    }
  });
  return {weight.sum(0), bias.sum(0)};
}

struct AmxLinear : torch::autograd::Function<AmxLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    return product(x, AmxWeights(weight, AmxWeights::Way::forward), bias.value_or(at::Tensor()), weight.size(0));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], dy = gradients[0].contiguous();
    at::Tensor dx;
    if (context->needs_input_grad(0)) {
      dx = product(dy, AmxWeights(weight, AmxWeights::Way::back), {}, weight.size(1));
    }
    if (!context->needs_input_grad(1)) return {dx, at::Tensor(), at::Tensor()};
    const auto [of_weight, of_bias] = weight_gradients(x, dy);
    return {dx, of_weight, context->saved_data["has_bias"].toBool() ? of_bias : at::Tensor()};
  }
};

}  // namespace

bool takes_amx_linear(const at::Tensor& x, const at::Tensor& weight) {
  return x.numel() > 0 && weight.scalar_type() == at::kFloat && takes_biased_activation(x) &&
         fits_amx(weight.size(1), weight.size(0));
}

at::Tensor amx_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor rows = x.reshape({-1, x.size(-1)}).to(at::kBFloat16).contiguous();
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  return AmxLinear::apply(rows, weight, optional(contiguous(bias))).view(sizes);
}

}  // namespace physgen
