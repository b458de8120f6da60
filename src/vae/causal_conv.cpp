#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>
#include <physgen/vae/causal_conv.h>

#include <cmath>

namespace physgen {
namespace {

std::vector<int64_t> weight_sizes(const ConvShape& shape) {
  if (shape.time_taps == 0) return {shape.out, shape.in, shape.kernel, shape.kernel};
  return {shape.out, shape.in, shape.time_taps, shape.kernel, shape.kernel};
}

}  // namespace

int64_t single_tap(int64_t time_taps) { return time_taps > 0 ? 1 : 0; }

CausalConvImpl::CausalConvImpl(const ConvShape& conv_shape, at::Device device) : shape(conv_shape) {
  const double fan_in =
      static_cast<double>(shape.in * shape.kernel * shape.kernel * std::max<int64_t>(1, shape.time_taps));
  const double bound = 1 / std::sqrt(fan_in);
  weight = register_parameter("weight", at::empty(weight_sizes(shape), device).uniform_(-bound, bound));
  bias = register_parameter("bias", at::empty({shape.out}, device).uniform_(-bound, bound));
}

at::Tensor CausalConvImpl::frame_weight() const {
  if (weight.dim() == 4) return weight;
  return weight.size(2) == 1 ? weight.squeeze(2) : weight.sum(2);
}

at::Tensor CausalConvImpl::forward(const at::Tensor& x) const {
  const at::Tensor input = shape.stride == 2 ? pad_for_stride(x) : x;
  const int64_t pad = shape.stride == 2 ? 0 : shape.kernel / 2;
  if (x.dim() == 4) {
    return at::conv2d(input, frame_weight().to(x.scalar_type()), bias.to(x.scalar_type()), shape.stride, pad);
  }
  const at::Tensor first = input.narrow(2, 0, 1).expand({-1, -1, shape.time_taps - 1, -1, -1});
  return at::conv3d(at::cat({first, input}, 2), weight.to(x.scalar_type()), bias.to(x.scalar_type()), shape.stride,
                    {0, pad, pad});
}

at::Tensor pad_for_stride(const at::Tensor& x) { return at::constant_pad_nd(x, {0, 1, 0, 1}); }

at::Tensor upsample_picture(const at::Tensor& x) {
  if (x.is_cuda() && at::GradMode::is_enabled()) return upsample_by_shifts(x);
  return at::upsample_bilinear2d(x, std::nullopt, false, at::ArrayRef<double>({2, 2}));
}

at::Tensor upsample_by_shifts(const at::Tensor& x) {
  const auto grow = [](const at::Tensor& from, int64_t dim) {
    const int64_t last = from.size(dim) - 1;
    const at::Tensor before = at::cat({from.narrow(dim, 0, 1), from.narrow(dim, 0, last)}, dim);
    const at::Tensor after = at::cat({from.narrow(dim, 1, last), from.narrow(dim, last, 1)}, dim);
    const at::Tensor own = from * 0.75;
    return at::stack({own + before * 0.25, own + after * 0.25}, dim + 1).flatten(dim, dim + 1);
  };
  return grow(grow(x, 2), 3);
}

}  // namespace physgen
