#include <physgen/layers/mlp.h>

#include "kernels/biased_activation.h"

namespace physgen {

MlpImpl::MlpImpl(int64_t in, int64_t hidden, int64_t out, Activation activation)
    : fc1(in, hidden), fc2(hidden, out), activation_(activation) {
  register_module("fc1", fc1);
  register_module("fc2", fc2);
}

at::Tensor MlpImpl::forward(const at::Tensor& x) const {
  const bool gelu = activation_ == Activation::gelu;
  if (!fc1->has_adapter() && takes_biased_activation(x)) {
    const at::Tensor product = at::linear(x, fc1->weight);
    return fc2->forward(
        biased_activation(product, fc1->bias, gelu ? physgen::Activation::gelu : physgen::Activation::silu));
  }
  return fc2->forward(gelu ? fc1->forward_gelu(x) : at::silu(fc1->forward(x)));
}

}  // namespace physgen
