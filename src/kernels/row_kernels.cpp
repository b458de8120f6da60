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

bool takes_rows(const at::Tensor& x) {
  if (!x.is_cpu() || x.scalar_type() != at::kFloat || at::GradMode::is_enabled()) return false;
  return cpu_row_kernels().state == KernelReport::State::used;
}

at::Tensor attend_rows(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) {
  RECORD_FUNCTION("physgen::attend_rows", Inputs());
  const int64_t batch = q.size(0), heads = q.size(1), width = q.size(3);
  at::Tensor y = at::empty({batch, q.size(2), heads * width}, q.options());
  const at::Tensor rows = mask.defined() ? mask.contiguous() : mask;
  HeadAttention all = {};
  all.queries = q.size(2), all.q_stride = q.stride(2);
  all.keys = k.size(2), all.k_stride = k.stride(2), all.v_stride = v.stride(2);
  all.width = width, all.y_stride = heads * width;
  if (mask.defined()) all.mask = rows.const_data_ptr<float>(), all.mask_stride = rows.size(1);
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
