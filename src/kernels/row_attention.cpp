#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "kernels/head_rows.h"
#include "kernels/norm_tensors.h"
#include "kernels/parallel.h"
#include "kernels/row_attention.h"

namespace physgen {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

enum class Way { gather, scatter };

// Between rows [B, L, H d], whose rows may stand apart, and heads [B H, L, d].
template <class T>
void move(const at::Tensor& rows, const at::Tensor& by_head, int64_t heads, float scale, Way way) {
  const int64_t length = rows.size(1), width = rows.size(2) / heads, values = heads * length * width;
  at::parallel_for(0, rows.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const HeadRows<T> work{.rows = numbers<T>(rows) + i * rows.stride(0),
                             .by_head = numbers<T>(by_head) + i * values,
                             .stride = rows.stride(1),
                             .length = length,
                             .heads = heads,
                             .width = width,
                             .scale = scale};
      way == Way::gather ? gather(work) : scatter(work);
    }
  });
}

void move(const at::Tensor& rows, const at::Tensor& by_head, int64_t heads, float scale, Way way) {
  rows.scalar_type() == at::kBFloat16 ? move<Bfloat16Bits>(rows, by_head, heads, scale, way)
                                      : move<float>(rows, by_head, heads, scale, way);
}

at::Tensor heads_of(const at::Tensor& rows, int64_t heads, float scale = 1) {
  const at::Tensor by_head = at::empty({rows.size(0) * heads, rows.size(1), rows.size(2) / heads}, rows.options());
  move(rows, by_head, heads, scale, Way::gather);
  return by_head;
}

// Calls `work` for each head with pointers to its values in both.
template <class T, class Work>
void for_each_head(const at::Tensor& a, const at::Tensor& b, const Work& work) {
  const int64_t values = a.size(1) * a.size(2);
  at::parallel_for(0, a.size(0), 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) work(numbers<T>(a) + i * values, numbers<T>(b) + i * values);
  });
}

template <class T>
void softmax(const at::Tensor& scores, const at::Tensor& mask) {
  const float* added = mask.numel() > 0 ? mask.const_data_ptr<float>() : nullptr;
  for_each_head<T>(scores, scores, [&](T* own, T*) { softmax_rows(own, added, scores.size(1), scores.size(2)); });
}

template <class T>
void softmax_gradient(const at::Tensor& shares, const at::Tensor& gradient) {
  for_each_head<T>(shares, gradient,
                   [&](T* share, T* own) { softmax_gradient_rows(share, own, shares.size(1), shares.size(2)); });
}

// Queries, keys and values as parts of rows.
struct Parts {
  at::Tensor q, k, v;
};

Parts parts_of(const at::Tensor& queries, const std::optional<at::Tensor>& keys_values) {
  const at::Tensor& last = keys_values ? *keys_values : queries;
  const int64_t width = queries.size(2) / (keys_values ? 1 : 3), first = last.size(2) - 2 * width;
  return {queries.narrow(2, 0, width), last.narrow(2, first, width), last.narrow(2, first + width, width)};
}

float scale_of(const at::Tensor& q, int64_t heads) {
  return 1.0f / std::sqrt(static_cast<float>(q.size(2)) / static_cast<float>(heads));
}

struct RowAttention : torch::autograd::Function<RowAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& queries,
                            const std::optional<at::Tensor>& keys_values, int64_t heads, const at::Tensor& mask) {
    const Parts parts = parts_of(queries, keys_values);
    const at::Tensor q = heads_of(parts.q, heads, scale_of(parts.q, heads)), k = heads_of(parts.k, heads);
    const at::Tensor v = heads_of(parts.v, heads), shares = at::bmm(q, k.transpose(1, 2));
    shares.scalar_type() == at::kBFloat16 ? softmax<Bfloat16Bits>(shares, mask) : softmax<float>(shares, mask);
    const at::Tensor seen = at::empty(parts.q.sizes(), queries.options());
    move(seen, at::bmm(shares, v), heads, 1, Way::scatter);
    context->save_for_backward({q, k, v, shares});
    context->saved_data["heads"] = heads;
    context->saved_data["own keys"] = !keys_values;
    return seen;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &shares = saved[3];
    const int64_t heads = context->saved_data["heads"].toInt();
    const at::Tensor gradient = heads_of(gradients[0].contiguous(), heads);
    const at::Tensor scores = at::bmm(gradient, v.transpose(1, 2));
    shares.scalar_type() == at::kBFloat16 ? softmax_gradient<Bfloat16Bits>(shares, scores)
                                          : softmax_gradient<float>(shares, scores);
    const bool own_keys = context->saved_data["own keys"].toBool();
    const int64_t batch = q.size(0) / heads, width = heads * q.size(2);
    const at::Tensor queries = at::empty({batch, q.size(1), own_keys ? 3 * width : width}, q.options());
    std::optional<at::Tensor> others;
    if (!own_keys) others = at::empty({batch, k.size(1), 2 * width}, q.options());
    const Parts parts = parts_of(queries, others);
    move(parts.q, at::bmm(scores, k), heads, scale_of(parts.q, heads), Way::scatter);
    move(parts.k, at::bmm(scores.transpose(1, 2), q), heads, 1, Way::scatter);
    move(parts.v, at::bmm(shares.transpose(1, 2), gradient), heads, 1, Way::scatter);
    return {queries, others.value_or(at::Tensor()), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool takes_row_attention(const at::Tensor& rows, int64_t keys) {
  return rows.is_cpu() && training_kernels_serve() && at::GradMode::is_enabled() && is_number_type(rows) &&
         rows.numel() > 0 && keys <= kMostKeys;
}

at::Tensor attend_rows(const at::Tensor& rows, int64_t heads, const at::Tensor& mask) {
  const at::Tensor added = mask.defined() ? mask.to(at::kFloat).contiguous() : at::empty({0});
  return RowAttention::apply(rows.contiguous(), std::nullopt, heads, added);
}

at::Tensor attend_other_rows(const at::Tensor& queries, const at::Tensor& keys_values, int64_t heads) {
  return RowAttention::apply(queries.contiguous(), std::optional<at::Tensor>(keys_values.contiguous()), heads,
                             at::empty({0}));
}

}  // namespace physgen
