#include <physgen/backbone/mask_embed.h>

#include <cmath>

#include <torch/torch.h>

namespace physgen {
namespace {

double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

// The inverse of the truncated distribution by bisection: it is called once a step.
double truncated_normal(double uniform, double mean, double deviation, double least, double most) {
  const double low = normal_distribution((least - mean) / deviation),
               high = normal_distribution((most - mean) / deviation);
  const double target = low + uniform * (high - low);
  for (int i = 0; i < 60; ++i) {
    const double middle = (least + most) / 2;
    (normal_distribution((middle - mean) / deviation) < target ? least : most) = middle;
  }
  return least;
}

}  // namespace

MaskEmbedImpl::MaskEmbedImpl(int64_t width) {
  bos_token = register_parameter("bos_token", at::randn({1, width}) * 0.02);
  mask_token = register_parameter("mask_token", at::randn({1, width}) * 0.02);
}

at::Tensor MaskEmbedImpl::forward(const at::Tensor& x, const at::Tensor& unknown) const {
  return at::where(unknown.unsqueeze(-1), mask_token.to(x.scalar_type()), x);
}

FrameMask draw_frame_mask(double uniform, const at::Tensor& order) {
  const double ratio = truncated_normal(uniform, 1.0, 0.25, 0.7, 1.0);
  const auto known = static_cast<int64_t>(std::nearbyint((1 - ratio) * static_cast<double>(order.size(1))));
  at::Tensor known_ids = order.argsort(/*dim=*/int64_t{1}).narrow(1, 0, known);
  at::Tensor unknown = at::ones(order.sizes(), order.options().dtype(at::kBool)).scatter_(1, known_ids, false);
  return {known_ids, unknown};
}

}  // namespace physgen
