#include "kernels/packed_linear.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <vector>

#include "kernels/amx_tasks.h"
#include "kernels/packed_rows.h"
#include "kernels/parallel.h"
#include "kernels/record.h"
#include "kernels/row_kernels.h"

namespace physgen {
namespace {

const float* values_of(const at::Tensor& x) { return x.defined() ? x.const_data_ptr<float>() : nullptr; }

// Rows, normalised where that is asked for.
at::Tensor prepared(const at::Tensor& x, const RowWork& work) {
  at::Tensor rows = x.contiguous();
  if (!work.gain.defined()) return rows;
  at::Tensor normed = at::empty_like(rows);
  const int64_t width = x.size(-1);
  normalise_rows(values_of(rows), x.numel() / width, width, values_of(work.gain), values_of(work.shift),
                 static_cast<float>(work.eps), nullptr, normed.mutable_data_ptr<float>());
  return normed;
}

void check_work(const RowWork& work, int64_t in, int64_t out, int64_t rows) {
  const auto fits = [](const at::Tensor& x, int64_t count) {
    return !x.defined() || (x.numel() == count && x.is_contiguous() && x.scalar_type() == at::kFloat);
  };
  TORCH_CHECK_VALUE(fits(work.gain, in) && fits(work.shift, in) && work.gain.defined() == work.shift.defined(),
                    "[PackedLinear] gain and shift are not float32 [", in, "]");
  TORCH_CHECK_VALUE(fits(work.gate, out) && fits(work.residual, rows * out), "[PackedLinear] the gate is not float32 [",
                    out, "], or the residual not [", rows, ", ", out, "]");
}

// [out, ...] in float32 with zeros up to whole panels.
at::Tensor filled_up(const at::Tensor& x) {
  std::vector<int64_t> shape = x.sizes().vec();
  shape.front() = (shape.front() + kPanel - 1) / kPanel * kPanel;
  at::Tensor all = at::zeros(shape, at::kFloat);
  all.narrow(0, 0, x.size(0)).copy_(x);
  return all;
}

}  // namespace

PackedLinear::PackedLinear(const at::Tensor& weight, const at::Tensor& bias)
    : in_(weight.size(1)), out_(weight.size(0)), bias_(filled_up(bias.defined() ? bias.detach() : at::zeros({out_}))) {
  if (weight.scalar_type() == at::kFloat) {
    panels_ = filled_up(weight.detach()).unflatten(0, {-1, kPanel}).transpose(1, 2).contiguous();
  } else if (fits_amx(in_, out_)) {
    amx_ = std::make_shared<const AmxWeights>(weight, AmxWeights::Way::forward);
  }
}

bool PackedLinear::takes(const at::Tensor& x) const {
  if (panels_.defined()) return takes_rows(x);
  return amx_ && x.is_cpu() && x.scalar_type() == at::kBFloat16 && x.numel() > 0 && !at::GradMode::is_enabled() &&
         training_kernels_serve();
}

at::Tensor PackedLinear::forward(const at::Tensor& x, const RowWork& work) const {
  RECORD_FUNCTION("physgen::packed_linear", Inputs());
  if (amx_) return forward_bfloat16(x, work);
  TORCH_CHECK_VALUE(x.size(-1) == in_ && x.scalar_type() == at::kFloat, "[PackedLinear] rows of ", x.scalar_type(), " ",
                    x.sizes(), ", not of ", in_, " float32 numbers");
  check_work(work, in_, out_, x.numel() / in_);
  const at::Tensor rows = prepared(x, work);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = out_;
  at::Tensor y = at::empty(shape, x.options());
  at::parallel_for(0, panels_.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) multiply_panel(product_of(panel, rows, work, y));
  });
  return y;
}

at::Tensor PackedLinear::forward_bfloat16(const at::Tensor& x, const RowWork& work) const {
  TORCH_CHECK_VALUE(x.size(-1) == in_ && x.scalar_type() == at::kBFloat16, "[PackedLinear] rows of ", x.scalar_type(),
                    " ", x.sizes(), ", not of ", in_, " bfloat16 numbers");
  TORCH_CHECK_VALUE(!work.gain.defined() && !work.residual.defined(), "[PackedLinear] no norm or sum in bfloat16");
  constexpr int64_t kThreadWork = 2'000'000;  // products that are worth a thread
  const at::Tensor rows = x.contiguous().view({-1, in_});
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = out_;
  const at::Tensor y = at::empty(shape, x.options());
  const AmxTaskRows tasks(rows);
  const int64_t blocks = out_ / kAmxStep, of_block = std::min(kAmxRows, rows.size(0)) * kAmxStep * in_;
  const auto run = [&](int64_t begin, int64_t end) {
    const AmxTiles tiles;
    const AmxBuffer<float> sums(2 * kAmxRowsPanel);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t task = i / blocks, column = i % blocks * kAmxStep;
      multiply_columns(tasks.of(task), *amx_, column, sums.get());
      const AmxBiased biased{sums.get(), values_of(bias_) + column,
                             block_of<Bfloat16Bits>(y, task, kAmxRows * out_) + column, tasks.count(task), out_};
      work.gelu ? add_bias_gelu(biased) : add_bias(biased);
    }
  };
  at::parallel_for(0, count_amx_tasks(rows.size(0)) * blocks, kThreadWork / of_block + 1, run);
  return y;
}

PanelProduct PackedLinear::product_of(int64_t panel, const at::Tensor& rows, const RowWork& work,
                                      const at::Tensor& y) const {
  const int64_t first = panel * kPanel;
  const auto from = [first](const at::Tensor& x) { return x.defined() ? values_of(x) + first : nullptr; };
  return {.x = values_of(rows),
          .rows = rows.numel() / in_,
          .in = in_,
          .panel = values_of(panels_) + first * in_,
          .b = from(bias_),
          .gelu = work.gelu,
          .residual = from(work.residual),
          .gate = from(work.gate),
          .y = y.mutable_data_ptr<float>() + first,
          .stride = out_,
          .outputs = std::min(kPanel, out_ - first)};
}

}  // namespace physgen
