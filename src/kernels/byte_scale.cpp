#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <physgen/kernels/byte_scale.h>

#include <algorithm>
#include <cmath>

#include "kernels/group_norm_rows.h"

namespace physgen {
namespace {

constexpr double kLargestByte = 255, kLargestSignedByte = 127;
constexpr int64_t kBlockValues = 16384;

template <class T>
void round_values(const at::Tensor& x, const ByteScale& scale, at::Tensor& bytes) {
  const auto* from = static_cast<const T*>(x.const_data_ptr());
  auto* to = bytes.mutable_data_ptr<uint8_t>();
  const ByteRounding rounding(scale.step, scale.zero);
  at::parallel_for(0, x.numel(), kBlockValues, [&](int64_t begin, int64_t end) {
    round_to_bytes(from + begin, end - begin, rounding, to + begin);
  });
}

}  // namespace

ByteScale byte_scale(double low, double high) {
  const double least = std::min(low, 0.0), most = std::max(high, 0.0);
  if (most == least) return {};
  const double step = (most - least) / kLargestByte;
  return {step, std::lround(-least / step)};
}

at::Tensor to_bytes(const at::Tensor& x, const ByteScale& scale) {
  TORCH_CHECK_VALUE(x.is_cpu() && x.is_non_overlapping_and_dense(), "[to_bytes] numbers on the CPU without gaps");
  at::Tensor bytes = at::empty_like(x, x.options().dtype(at::kByte));
  if (x.scalar_type() == at::kBFloat16) {
    round_values<Bfloat16Bits>(x, scale, bytes);
  } else {
    TORCH_CHECK_VALUE(x.scalar_type() == at::kFloat, "[to_bytes] float32 or bfloat16, got ", x.scalar_type());
    round_values<float>(x, scale, bytes);
  }
  return bytes;
}

ChannelBytes channel_bytes(const at::Tensor& weight) {
  const at::Tensor rows = weight.detach().to(at::kFloat).flatten(1);
  const at::Tensor steps = rows.abs().amax(1).clamp_min(1e-30).div(kLargestSignedByte);
  const at::Tensor bytes = rows.div(steps.unsqueeze(1)).round().to(at::kChar);
  return {bytes.view(weight.sizes()), steps};
}

}  // namespace physgen
