#include <ATen/Functions.h>
#include <physgen/vae/residual_block.h>

#include "kernels/group_norm_silu.h"

namespace physgen {

ChannelNormImpl::ChannelNormImpl(int64_t channels, int64_t norm_groups, at::Device device) : groups(norm_groups) {
  weight = register_parameter("weight", at::ones({channels}, device));
  bias = register_parameter("bias", at::zeros({channels}, device));
}

at::Tensor ChannelNormImpl::forward(const at::Tensor& x, bool silu) const {
  return group_norm_silu(x, groups, weight, bias, silu);
}

ResidualBlockImpl::ResidualBlockImpl(int64_t in, int64_t out, int64_t groups, int64_t time_taps, at::Device device)
    : norm1(register_module("norm1", ChannelNorm(in, groups, device))),
      conv1(register_module("conv1", CausalConv(ConvShape{.in = in, .out = out, .time_taps = time_taps}, device))),
      norm2(register_module("norm2", ChannelNorm(out, groups, device))),
      conv2(register_module("conv2", CausalConv(ConvShape{.in = out, .out = out, .time_taps = time_taps}, device))) {
  if (in == out) return;
  const ConvShape shortcut{.in = in, .out = out, .kernel = 1, .time_taps = single_tap(time_taps)};
  conv_shortcut = register_module("conv_shortcut", CausalConv(shortcut, device));
}

at::Tensor ResidualBlockImpl::forward(const at::Tensor& x) const {
  const at::Tensor h = conv2->forward(norm2->forward(conv1->forward(norm1->forward(x))));
  return h + (conv_shortcut.is_empty() ? x : conv_shortcut->forward(x));
}

}  // namespace physgen
