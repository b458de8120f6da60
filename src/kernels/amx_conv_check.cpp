#include "kernels/amx_conv_check.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include <functional>
#include <string>
#include <utility>

#include "kernels/agreement.h"
#include "kernels/amx_conv.h"
#include "kernels/checked_kernel.h"

namespace physgen {
namespace {

constexpr int64_t kChannels = 64, kOutputs = 32, kHeight = 5, kWidth = 71;

// Random frames, weights and biases; frames are no whole number of blocks wide.
struct Draw {
  at::Generator random = at::make_generator<at::CPUGeneratorImpl>(1);
  at::Tensor x = at::randn({2, kChannels, kHeight, kWidth}, random, at::kFloat).to(at::kBFloat16).to(at::kFloat);
  at::Tensor weight = at::randn({kOutputs, kChannels, 3, 3}, random, at::kFloat).to(at::kBFloat16).to(at::kFloat);
  at::Tensor bias = at::randn({kOutputs}, random, at::kFloat);
};

at::Tensor plain(const Draw& draw, int64_t stride) {
  const auto wide = [](const at::Tensor& x) { return x.to(at::kDouble); };
  const at::Tensor x = stride == 2 ? at::constant_pad_nd(draw.x, {0, 1, 0, 1}) : draw.x;
  return at::conv2d(wide(x), wide(draw.weight), wide(draw.bias), stride, stride == 2 ? 0 : 1);
}

double number_difference(at::ScalarType dtype, int64_t stride) {
  Draw draw;
  if (dtype == at::kFloat) draw.x = draw.x / 3, draw.weight = draw.weight / 3;  // numbers of all their bits
  const AmxConv conv(draw.weight.to(dtype), draw.bias, stride);
  return difference(conv.forward(draw.x.to(dtype)), plain(draw, stride));
}

// With the norm before it.
double normed_difference(at::ScalarType dtype) {
  constexpr int64_t kGroups = 8;
  Draw draw;
  const at::Tensor x = draw.x.to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor gain = at::randn({kChannels}, draw.random, at::kFloat),
                   shift = at::randn({kChannels}, draw.random, at::kFloat);
  const AmxConv conv(draw.weight.to(dtype), draw.bias, 1);
  const at::Tensor got = conv.forward(x, group_norm_terms(x, kGroups, gain, shift));
  draw.x = at::silu(at::group_norm(x.to(at::kDouble), kGroups, gain.to(at::kDouble), shift.to(at::kDouble), 1e-6));
  return difference(got, plain(draw, 1));
}

double byte_difference() {
  Draw draw;
  const ByteScale scale = byte_scale(-3, 5);
  const at::Tensor bytes = to_bytes(draw.x, scale);
  const ChannelBytes weight = channel_bytes(draw.weight);
  const AmxConv conv(weight, draw.bias, scale, at::kFloat);
  draw.x = (bytes.to(at::kDouble) - scale.zero) * scale.step;
  draw.weight = weight.bytes.to(at::kDouble) * weight.steps.to(at::kDouble).view({-1, 1, 1, 1});
  return difference(conv.forward(bytes), plain(draw, 1));
}

// What is wrong; empty: nothing.
std::string problem_of_convolutions() {
  const c10::InferenceMode inference;
  const auto worst = [](at::ScalarType dtype) {
    return worst_of({number_difference(dtype, 1), number_difference(dtype, 2), normed_difference(dtype)});
  };
  const std::pair<Compared, std::function<double()>> parts[] = {
      {{.what = "in float32 ", .most = 2e-6}, [&] { return worst(at::kFloat); }},
      {{.what = "in bfloat16 ", .most = 1e-2}, [&] { return worst(at::kBFloat16); }},
      {{.what = "of bytes ", .most = 2e-6}, byte_difference}};
  for (const auto& [compared, difference_of] : parts) {
    const std::string problem = disagreement(compared, difference_of);
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace

const KernelReport& cpu_convolutions() {
  static const KernelReport checked = [] {
    const KernelReport report = report_of("convolutions (AMX)", kernel_setting(), problem_of_convolutions);
    warn_of(report);
    return report;
  }();
  return checked;
}

bool convolutions_serve() { return cpu_convolutions().state == KernelReport::State::used; }

}  // namespace physgen
