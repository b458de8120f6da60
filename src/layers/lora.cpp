#include <physgen/layers/lora.h>

#include <cmath>

#include <torch/nn/init.h>

#include "kernels/amx_linear.h"
#include "kernels/packed_linear.h"

namespace physgen {

LoraLinearImpl::LoraLinearImpl(int64_t in, int64_t out, bool with_bias) {
  weight = register_parameter("weight", torch::empty({out, in}));
  if (with_bias) bias = register_parameter("bias", torch::zeros({out}));
}

at::Tensor LoraLinearImpl::forward(const at::Tensor& x) const {
  if (int8_) return (*int8_)(x);
  if (const PackedLinear* packed = packed_for(x)) return packed->forward(x);
  at::Tensor y = takes_amx_linear(x, weight) ? amx_linear(x, weight, bias) : at::linear(x, weight, bias);
  if (watch_) watch_({name_, x, y, [&](const ByteScale& scale) { return QuantizedLinear(weight, bias, scale)(x); }});
  if (!has_adapter()) return y;
  return y + at::linear(at::linear(x, lora_a), lora_b) * adapter_scale_;
}

at::Tensor LoraLinearImpl::forward_gelu(const at::Tensor& x) const {
  if (const PackedLinear* packed = packed_for(x)) return packed->forward(x, {.gelu = true});
  return at::gelu(forward(x));
}

void LoraLinearImpl::attach_adapter(int64_t rank, double alpha) {
  TORCH_CHECK_VALUE(!has_adapter(), "[LoraLinear] an adapter is attached already");
  packed_.reset();
  weight.requires_grad_(false);
  if (bias.defined()) bias.requires_grad_(false);
  lora_a = register_parameter("lora_a", torch::empty({rank, weight.size(1)}, weight.options()));
  lora_b = register_parameter("lora_b", torch::zeros({weight.size(0), rank}, weight.options()));
  torch::nn::init::kaiming_uniform_(lora_a, std::sqrt(5.0));
  adapter_scale_ = alpha / static_cast<double>(rank);
}

void LoraLinearImpl::pack() {
  TORCH_CHECK_VALUE(!has_adapter(), "[LoraLinear] an adapter is merged before its layer is packed");
  packed_ = std::make_shared<const PackedLinear>(weight, bias);
}

const PackedLinear* LoraLinearImpl::packed_for(const at::Tensor& x) const {
  return packed_ && !int8_ && !watch_ && packed_->takes(x) ? packed_.get() : nullptr;
}

void LoraLinearImpl::merge_adapter() {
  if (!has_adapter()) return;
  torch::NoGradGuard no_grad;
  weight.add_(at::matmul(lora_b, lora_a), adapter_scale_);
  lora_a = at::Tensor();
  lora_b = at::Tensor();
  parameters_.erase("lora_a");
  parameters_.erase("lora_b");
}

void LoraLinearImpl::quantize(const std::optional<ByteScale>& input) {
  TORCH_CHECK_VALUE(!has_adapter(), "[LoraLinear] an adapter is merged before its layer computes in int8");
  int8_ = input ? std::make_shared<const QuantizedLinear>(weight, bias, *input) : nullptr;
}

void LoraLinearImpl::tell(const std::string& name, const LayerWatch& watch) {
  name_ = name;
  watch_ = watch;
}

}  // namespace physgen
