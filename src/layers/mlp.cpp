#include <physgen/layers/mlp.h>

#include "kernels/amx_linear.h"
#include "kernels/amx_mlp.h"
#include "kernels/biased_activation.h"

namespace physgen {

MlpImpl::MlpImpl(int64_t in, int64_t hidden, int64_t out, Activation activation)
    : fc1(in, hidden), fc2(hidden, out), activation_(activation) {
  register_module("fc1", fc1);
  register_module("fc2", fc2);
}

at::Tensor MlpImpl::forward(const at::Tensor& x) const {
  const bool gelu = activation_ == Activation::gelu;
  const auto activation = gelu ? physgen::Activation::gelu : physgen::Activation::silu;
  const bool adapted = fc1->has_adapter() || fc2->has_adapter();
  if (!adapted && takes_amx_linear(x, fc1->weight) && takes_amx_linear(x, fc2->weight)) {
    return amx_mlp(x, {fc1->weight, fc1->bias, fc2->weight, fc2->bias}, activation);
  }
  if (!fc1->has_adapter() && takes_biased_activation(x)) {
    const at::Tensor product = at::linear(x, fc1->weight);
    return fc2->forward(biased_activation(product, fc1->bias, activation));
  }
  return fc2->forward(gelu ? fc1->forward_gelu(x) : at::silu(fc1->forward(x)));
}

}  // namespace physgen
