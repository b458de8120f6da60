#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/activation_rows.h"
#include "kernels/biased_activation.h"
#include "kernels/norm_tensors.h"
#include "kernels/row_tasks.h"

namespace physgen {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct BiasedActivation : torch::autograd::Function<BiasedActivation> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& bias, bool gelu) {
    const int64_t width = x.size(-1), values = kTaskRows * width;
    const at::Tensor y = at::empty(x.sizes(), x.options());
    for_each_task(x.numel() / width, [&](int64_t task, int64_t rows) {
      const ActivationRows work{block_of<Bfloat16Bits>(x, task, values), numbers<float>(bias),
                                block_of<Bfloat16Bits>(y, task, values), rows, width};
      gelu ? gelu_rows(work) : silu_rows(work);
    });
    context->save_for_backward({x, bias});
    context->saved_data["gelu"] = gelu;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &bias = saved[1], dy = gradients[0].contiguous();
    const bool gelu = context->saved_data["gelu"].toBool();
    const int64_t width = x.size(-1), values = kTaskRows * width, rows = x.numel() / width;
    const at::Tensor dx = at::empty(x.sizes(), x.options()),
                     sums = at::zeros({count_tasks(rows), width}, bias.options());
    for_each_task(rows, [&](int64_t task, int64_t of_task) {
      const ActivationGradients work{block_of<Bfloat16Bits>(x, task, values),
                                     block_of<Bfloat16Bits>(dy, task, values),
                                     numbers<float>(bias),
                                     block_of<Bfloat16Bits>(dx, task, values),
                                     block_of<float>(sums, task, width),
                                     of_task,
                                     width};
      gelu ? gelu_gradient_rows(work) : silu_gradient_rows(work);
    });
    return {dx, sums.sum(0), at::Tensor()};
  }
};

}  // namespace

bool takes_biased_activation(const at::Tensor& x) {
  return x.is_cpu() && training_kernels_serve() && at::GradMode::is_enabled() &&
         at::autocast::is_autocast_enabled(at::kCPU) && at::autocast::get_autocast_dtype(at::kCPU) == at::kBFloat16;
}

at::Tensor biased_activation(const at::Tensor& x, const at::Tensor& bias, Activation activation) {
  const bool gelu = activation == Activation::gelu;
  if (x.is_cpu() && x.scalar_type() == at::kBFloat16 && bias.scalar_type() == at::kFloat && x.numel() > 0) {
    return BiasedActivation::apply(x.contiguous(), bias.contiguous(), gelu);
  }
  const at::Tensor sum = x + bias.to(x.scalar_type());
  return gelu ? at::gelu(sum) : at::silu(sum);
}

}  // namespace physgen
