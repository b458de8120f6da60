#include <physgen/layers/mlp.h>

namespace physgen {

MlpImpl::MlpImpl(int64_t in, int64_t hidden, int64_t out, Activation activation)
    : fc1(in, hidden), fc2(hidden, out), activation_(activation) {
  register_module("fc1", fc1);
  register_module("fc2", fc2);
}

at::Tensor MlpImpl::forward(const at::Tensor& x) const {
  return fc2->forward(activation_ == Activation::gelu ? fc1->forward_gelu(x) : at::silu(fc1->forward(x)));
}

}  // namespace physgen
