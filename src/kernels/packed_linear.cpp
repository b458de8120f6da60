#include "kernels/packed_linear.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <vector>

#include "kernels/packed_rows.h"
#include "kernels/parallel.h"
#include "kernels/record.h"

namespace physgen {
namespace {

const float* values_of(const at::Tensor& x) { return x.defined() ? x.const_data_ptr<float>() : nullptr; }

// x, or its rows normalised in memory of this thread's own.
const float* prepared(const float* x, int64_t rows, int64_t in, const RowWork& work, std::vector<float>& memory) {
  if (!work.gain.defined()) return x;
  memory.resize(static_cast<size_t>(rows * in));
  normalise_rows(x, rows, in, values_of(work.gain), values_of(work.shift), static_cast<float>(work.eps), nullptr,
                 memory.data());
  return memory.data();
}

// [out, ...] with zeros up to whole panels.
at::Tensor filled_up(const at::Tensor& x) {
  std::vector<int64_t> shape = x.sizes().vec();
  shape.front() = (shape.front() + kPanel - 1) / kPanel * kPanel;
  at::Tensor all = at::zeros(shape, at::kFloat);
  all.narrow(0, 0, x.size(0)).copy_(x);
  return all;
}

}  // namespace

PackedLinear::PackedLinear(const at::Tensor& weight, const at::Tensor& bias)
    : in_(weight.size(1)),
      out_(weight.size(0)),
      panels_(filled_up(weight.detach()).unflatten(0, {-1, kPanel}).transpose(1, 2).contiguous()),
      bias_(filled_up(bias.defined() ? bias.detach() : at::zeros({out_}))) {}

at::Tensor PackedLinear::forward(const at::Tensor& x, const RowWork& work) const {
  RECORD_FUNCTION("physgen::packed_linear", Inputs());
  const at::Tensor rows = x.contiguous();
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = out_;
  at::Tensor y = at::empty(shape, x.options());
  PanelProduct all = {};
  all.x = values_of(rows);
  all.rows = x.numel() / in_;
  all.in = in_;
  all.gelu = work.gelu;
  all.stride = out_;
  at::parallel_for(0, panels_.size(0), 1, [&](int64_t begin, int64_t end) {
    thread_local std::vector<float> memory;
    PanelProduct product = all;
    product.x = prepared(all.x, all.rows, in_, work, memory);
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t first = panel * kPanel;
      const auto from = [first](const at::Tensor& tensor) {
        return tensor.defined() ? values_of(tensor) + first : nullptr;
      };
      product.panel = values_of(panels_) + first * in_;
      product.b = from(bias_);
      product.residual = from(work.residual);
      product.gate = from(work.gate);
      product.y = y.mutable_data_ptr<float>() + first;
      product.outputs = std::min(kPanel, out_ - first);
      multiply_panel(product);
    }
  });
  return y;
}

}  // namespace physgen
