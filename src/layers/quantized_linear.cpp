#include <ATen/Functions.h>
#include <physgen/layers/quantized_linear.h>

#include <optional>
#include <string>

#include "kernels/operator_call.h"

namespace physgen {

QuantizedLinear::QuantizedLinear(const at::Tensor& weight, const at::Tensor& bias, const ByteScale& input)
    : input_(input), zeros_(at::zeros({weight.size(0)}, at::kInt)) {
  const ChannelBytes rows = channel_bytes(weight);
  packed_ = call_operator("onednn::qlinear_prepack", "", rows.bytes, std::optional<at::IntArrayRef>());
  steps_ = rows.steps;
  if (bias.defined()) bias_ = bias.detach().to(at::kFloat).clone();
}

at::Tensor QuantizedLinear::operator()(const at::Tensor& x) const {
  const std::optional<at::Tensor> bias = bias_.defined() ? std::optional(bias_) : std::nullopt;
  return call_operator("onednn::qlinear_pointwise", "", to_bytes(x.contiguous(), input_), input_.step, input_.zero,
                       packed_, steps_, zeros_, bias, /*output_scale=*/1.0, /*output_zero_point=*/int64_t{0},
                       std::optional(x.scalar_type()), std::string("none"), c10::List<std::optional<at::Scalar>>(),
                       std::string());
}

}  // namespace physgen
