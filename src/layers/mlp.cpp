#include <physgen/layers/mlp.h>

#include "kernels/packed_linear.h"

namespace physgen {

MlpImpl::MlpImpl(int64_t in, int64_t hidden, int64_t out, Activation activation)
    : fc1(in, hidden), fc2(hidden, out), activation_(activation) {
  register_module("fc1", fc1);
  register_module("fc2", fc2);
}

at::Tensor MlpImpl::forward(const at::Tensor& x) const {
  const PackedLinear* packed = fc1->packed_for(x);
  if (packed && activation_ == Activation::gelu) return fc2->forward(packed->forward(x, {.gelu = true}));
  at::Tensor hidden = fc1->forward(x);
  return fc2->forward(activation_ == Activation::gelu ? at::gelu(hidden) : at::silu(hidden));
}

}  // namespace physgen
