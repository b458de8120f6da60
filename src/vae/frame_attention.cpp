#include <ATen/Functions.h>
#include <physgen/vae/frame_attention.h>

#include <cmath>

namespace physgen {

ProjectionImpl::ProjectionImpl(int64_t width, at::Device device) {
  const double bound = 1 / std::sqrt(static_cast<double>(width));
  weight = register_parameter("weight", at::empty({width, width}, device).uniform_(-bound, bound));
  bias = register_parameter("bias", at::empty({width}, device).uniform_(-bound, bound));
}

at::Tensor ProjectionImpl::forward(const at::Tensor& x) const {
  return at::linear(x, weight.to(x.scalar_type()), bias.to(x.scalar_type()));
}

FrameAttentionImpl::FrameAttentionImpl(int64_t width, int64_t groups, at::Device device)
    : group_norm(register_module("group_norm", ChannelNorm(width, groups, device))),
      to_q(register_module("to_q", Projection(width, device))),
      to_k(register_module("to_k", Projection(width, device))),
      to_v(register_module("to_v", Projection(width, device))),
      to_out(register_module("to_out", torch::nn::ModuleList(Projection(width, device)))) {}

at::Tensor FrameAttentionImpl::forward(const at::Tensor& x) const {
  const at::Tensor last = x.movedim(1, -1);                                           // [B, (T,) H, W, C]
  const at::Tensor h = group_norm->forward(x, /*silu=*/false).movedim(1, -1);         // [B, (T,) H, W, C]
  const at::Tensor tokens = h.reshape({-1, 1, h.size(-3) * h.size(-2), h.size(-1)});  // [B T, 1, H W, C]
  const at::Tensor seen =
      at::scaled_dot_product_attention(to_q->forward(tokens), to_k->forward(tokens), to_v->forward(tokens));
  const at::Tensor out = to_out->ptr<ProjectionImpl>(0)->forward(seen);
  return (out.reshape(last.sizes()) + last).movedim(-1, 1);
}

}  // namespace physgen
