#include "kernels/row_kernels.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "kernels/few_attention.h"
#include "kernels/packed_rows.h"
#include "kernels/parallel.h"
#include "kernels/record.h"
#include "kernels/row_check.h"

namespace physgen {

bool rows_serve() { return cpu_row_kernels().state == KernelReport::State::used; }

bool takes_rows(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && !at::GradMode::is_enabled() && rows_serve();
}

namespace {

void check_heads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) {
  const auto fits = [&](const at::Tensor& x) {
    return x.dim() == 4 && x.size(0) == q.size(0) && x.size(1) == q.size(1) && x.size(3) == q.size(3) &&
           x.stride(3) == 1 && x.scalar_type() == at::kFloat;
  };
  const bool masks = mask.defined() && mask.scalar_type() == at::kFloat;
  TORCH_CHECK_VALUE(fits(q) && fits(k) && fits(v) && k.size(2) == v.size(2), "[attend_heads] q ", q.sizes(), ", k ",
                    k.sizes(), ", v ", v.sizes(), " are not heads of float32 rows of the same windows");
  TORCH_CHECK_VALUE(!mask.defined() || (masks && mask.sizes() == at::IntArrayRef({q.size(2), k.size(2)})),
                    "[attend_heads] the mask is not float32 [", q.size(2), ", ", k.size(2), "]");
}

// What is the same for all heads.
HeadAttention without_heads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) {
  HeadAttention all = {};
  all.queries = q.size(2), all.q_stride = q.stride(2);
  all.keys = k.size(2), all.k_stride = k.stride(2), all.v_stride = v.stride(2);
  all.width = q.size(3), all.y_stride = q.size(1) * q.size(3);
  if (mask.defined()) all.mask = mask.const_data_ptr<float>(), all.mask_stride = mask.size(1);
  return all;
}

}  // namespace

at::Tensor attend_heads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) {
  RECORD_FUNCTION("physgen::attend_heads", Inputs());
  check_heads(q, k, v, mask);
  const int64_t batch = q.size(0), heads = q.size(1), width = q.size(3);
  at::Tensor y = at::empty({batch, q.size(2), heads * width}, q.options());
  const at::Tensor rows = mask.defined() ? mask.contiguous() : mask;
  const HeadAttention all = without_heads(q, k, v, rows);
  at::parallel_for(0, batch * heads, 1, [&](int64_t begin, int64_t end) {
    thread_local std::vector<float> memory;
    memory.resize(static_cast<size_t>(few_attention_memory(all.keys, width)));
    for (int64_t task = begin; task < end; ++task) {
      const int64_t n = task / heads, head = task % heads;
      const auto of = [&](const at::Tensor& x) {
        return x.const_data_ptr<float>() + n * x.stride(0) + head * x.stride(1);
      };
      HeadAttention one = all;
      one.q = of(q), one.k = of(k), one.v = of(v);
      one.y = y.mutable_data_ptr<float>() + n * y.stride(0) + head * width;
      attend_head(one, memory.data());
    }
  });
  return y;
}

at::Tensor add_norm(const at::Tensor& residual, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    double eps) {
  RECORD_FUNCTION("physgen::add_norm", Inputs());
  constexpr int64_t kRows = 16;  // of a task
  const at::Tensor from = x.contiguous(), added = residual.contiguous();
  at::Tensor y = at::empty_like(from);
  const int64_t width = x.size(-1);
  at::parallel_for(0, x.numel() / width, kRows, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * width;
    normalise_rows(from.const_data_ptr<float>() + first, end - begin, width, weight.const_data_ptr<float>(),
                   bias.const_data_ptr<float>(), static_cast<float>(eps), added.const_data_ptr<float>() + first,
                   y.mutable_data_ptr<float>() + first);
  });
  return y;
}

}  // namespace physgen
