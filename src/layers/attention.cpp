#include <physgen/layers/attention.h>

#include <torch/torch.h>

#include <cmath>

#include "kernels/row_attention.h"
#include "kernels/row_kernels.h"

namespace physgen {

at::Tensor split_heads(const at::Tensor& x, int64_t heads) { return x.unflatten(-1, {heads, -1}).transpose(1, 2); }

at::Tensor join_heads(const at::Tensor& x) { return x.transpose(1, 2).flatten(2); }

std::vector<at::Tensor> split_parts(const at::Tensor& rows, int64_t parts, int64_t heads) {
  return rows.unflatten(-1, {parts, heads, -1}).permute({2, 0, 3, 1, 4}).unbind(0);
}

namespace {

constexpr int64_t kFewKeys = 512;  // of more, PyTorch's fused attention is the quicker one

// With few keys PyTorch's fused attention is slow to differentiate on the CPU: in bfloat16 three products take a third
// of its time.
bool trains_on_few_keys(const at::Tensor& q, const at::Tensor& k) {
  return q.is_cpu() && at::GradMode::is_enabled() && k.size(2) <= kFewKeys;
}

struct QueriesKeysValues {
  at::Tensor q, k, v;  // [B, H, L, d] each
};

// @param rows  [B, L, 3 C]
QueriesKeysValues split_qkv(const at::Tensor& rows, int64_t heads, const RotaryTable& rotary) {
  const std::vector<at::Tensor> parts = split_parts(rows, 3, heads);
  if (!rotary.defined()) return {parts[0], parts[1], parts[2]};
  return {apply_rotary(parts[0], rotary), apply_rotary(parts[1], rotary), parts[2]};
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

namespace {

// What the queries of some rows see: [B, outputs, C]. @param mask  of all rows
at::Tensor attend_outputs(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask,
                          const std::vector<RowRange>& outputs) {
  const at::Tensor queries = rows_of(q, outputs, 2), mask_rows = mask.defined() ? rows_of(mask, outputs, 0) : mask;
  if (takes_rows(q) && k.size(2) <= kFewKeys) return attend_heads(queries, k, v, mask_rows);
  return join_heads(attend(queries, k, v, mask_rows));
}

}  // namespace

AttentionImpl::AttentionImpl(int64_t width, int64_t heads) : qkv(width, 3 * width), proj(width, width), heads_(heads) {
  register_module("qkv", qkv);
  register_module("proj", proj);
}

at::Tensor AttentionImpl::forward(const at::Tensor& x, const at::Tensor& mask, const RotaryTable& rotary,
                                  KvCache* cache, const std::vector<RowRange>& outputs) const {
  const at::Tensor rows = qkv->forward(x);
  if (!cache && !rotary.defined() && takes_row_attention(rows, rows.size(1))) {
    return proj->forward(rows_of(attend_rows(rows, heads_, mask), outputs, 1));
  }
  auto [q, k, v] = split_qkv(rows, heads_, rotary);
  if (cache) std::tie(k, v) = cache->append(k, v);
  return proj->forward(attend_outputs(q, k, v, mask, outputs));
}

at::Tensor AttentionImpl::forward(const at::Tensor& x, const std::vector<AttentionGroup>& groups) const {
  const at::Tensor rows = qkv->forward(x);  // [rows, 3 C]
  std::vector<at::Tensor> seen;
  int64_t start = 0;
  for (const AttentionGroup& group : groups) {
    const int64_t count = group.windows * group.length;
    seen.push_back(attend_group(rows.narrow(0, start, count), group));
    start += count;
  }
  return proj->forward(at::cat(seen));
}

// @param rows  [windows length, 3 C]  @return [windows outputs, C]
at::Tensor AttentionImpl::attend_group(const at::Tensor& rows, const AttentionGroup& group) const {
  const auto [q, k, v] = split_qkv(rows.unflatten(0, {group.windows, group.length}), heads_, group.rotary);
  if (group.caches.empty()) return attend_outputs(q, k, v, group.mask, group.outputs).flatten(0, 1);
  std::vector<at::Tensor> seen;
  for (int64_t i = 0; i < group.windows; ++i) {
    const auto [keys, values] = group.caches[i]->append(k.narrow(0, i, 1), v.narrow(0, i, 1));
    seen.push_back(attend_outputs(q.narrow(0, i, 1), keys, values, group.mask, group.outputs));
  }
  return at::cat(seen).flatten(0, 1);
}

}  // namespace physgen
