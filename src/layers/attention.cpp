#include <physgen/layers/attention.h>

#include <torch/torch.h>

#include <cmath>

namespace physgen {

at::Tensor split_heads(const at::Tensor& x, int64_t heads) { return x.unflatten(-1, {heads, -1}).transpose(1, 2); }

at::Tensor join_heads(const at::Tensor& x) { return x.transpose(1, 2).flatten(2); }

namespace {

// With few keys PyTorch's fused attention is slow to differentiate on the CPU: in bfloat16 three products take a third
// of its time.
bool trains_on_few_keys(const at::Tensor& q, const at::Tensor& k) {
  return q.is_cpu() && at::GradMode::is_enabled() && k.size(2) <= 512;
}

}  // namespace

at::Tensor attend_by_products(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) {
  at::Tensor scores = at::matmul(q * (1 / std::sqrt(static_cast<double>(q.size(3)))), k.transpose(2, 3));
  if (mask.defined()) scores = scores + mask.to(scores.scalar_type());
  return at::matmul(at::softmax(scores, -1), v);
}

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) {
  if (trains_on_few_keys(q, k)) return attend_by_products(q, k, v, mask);
  if (!mask.defined()) return at::scaled_dot_product_attention(q, k, v);
  return at::scaled_dot_product_attention(q, k, v, mask.to(q.scalar_type()));
}

AttentionImpl::AttentionImpl(int64_t width, int64_t heads) : qkv(width, 3 * width), proj(width, width), heads_(heads) {
  register_module("qkv", qkv);
  register_module("proj", proj);
}

at::Tensor AttentionImpl::forward(const at::Tensor& x, const at::Tensor& mask, const RotaryTable& rotary,
                                  KvCache* cache) const {
  std::vector<at::Tensor> parts = qkv->forward(x).unflatten(-1, {3, heads_, -1}).permute({2, 0, 3, 1, 4}).unbind(0);
  at::Tensor q = parts[0], k = parts[1], v = parts[2];  // [B, H, L, d] each
  if (rotary.defined()) {
    q = apply_rotary(q, rotary);
    k = apply_rotary(k, rotary);
  }
  if (cache) std::tie(k, v) = cache->append(k, v);
  return proj->forward(join_heads(attend(q, k, v, mask)));
}

}  // namespace physgen
