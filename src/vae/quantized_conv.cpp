#include "vae/quantized_conv.h"

#include <ATen/Functions.h>

#include <optional>
#include <string>

#include "kernels/operator_call.h"

namespace physgen {
namespace {

using Scalars = c10::List<std::optional<at::Scalar>>;

// Of all these convolutions: strides and dilation, groups, and numbers that come out as they are.
const std::vector<int64_t> kOnes = {1, 1};
constexpr int64_t kGroups = 1, kOutputZero = 0;
constexpr double kOutputStep = 1;

}  // namespace

QuantizedConv::QuantizedConv(const at::Tensor& weight, const at::Tensor& bias, const ByteScale& input,
                             at::ScalarType dtype)
    : input_(input),
      dtype_(dtype),
      padding_(2, weight.size(2) / 2),
      zeros_(at::zeros({weight.size(0)}, at::kInt)),
      bias_(bias.detach().to(at::kFloat).clone()) {
  const ChannelBytes channels = channel_bytes(weight);
  steps_ = channels.steps;
  packed_ = call_operator("onednn::qconv_prepack", "", channels.bytes, steps_, input_.step, input_.zero, kOnes,
                          padding_, kOnes, kGroups, std::optional<at::IntArrayRef>());
  if (AmxConv::fits(channels.bytes)) amx_.emplace(channels, bias_, input_, dtype_);
}

at::Tensor QuantizedConv::operator()(const at::Tensor& bytes) const {
  if (amx_ && amx_->takes(bytes)) return amx_->forward(bytes);
  return call_operator("onednn::qconv2d_pointwise", "", bytes, input_.step, input_.zero, packed_, steps_, zeros_,
                       std::optional(bias_), kOnes, padding_, kOnes, kGroups, kOutputStep, kOutputZero,
                       std::optional(dtype_), std::string("none"), Scalars(), std::optional(std::string()));
}

at::Tensor QuantizedConv::added(const at::Tensor& bytes, const at::Tensor& sum) const {
  const at::Tensor total = sum.contiguous(at::MemoryFormat::ChannelsLast);
  if (amx_ && amx_->takes(bytes)) return amx_->forward(bytes, {}, total);
  return call_operator("onednn::qconv2d_pointwise", "binary", bytes, input_.step, input_.zero, packed_, steps_, zeros_,
                       total, std::optional(bias_), kOnes, padding_, kOnes, kGroups, kOutputStep, kOutputZero,
                       std::optional(dtype_), kOutputStep, kOutputZero, std::string("sum"), std::optional<at::Scalar>(),
                       std::optional<std::string>(), Scalars(), std::optional<std::string>());
}

}  // namespace physgen
