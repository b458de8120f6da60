#include "policy/lookahead.h"

#include <cmath>

#include <torch/torch.h>

namespace physgen {

at::Tensor LookaheadPlan::start() const {
  if (lookahead_ != Lookahead::warm_start || earlier_.empty()) return {};
  const at::Tensor& last = earlier_.front();
  at::Tensor steps = (at::arange(last.size(1)) + execute_).clamp_max(last.size(1) - 1);
  return last.index_select(1, steps.to(last.device()));
}

at::Tensor LookaheadPlan::plan(const at::Tensor& predicted) {
  if (lookahead_ == Lookahead::none) return predicted;
  at::Tensor plan = lookahead_ == Lookahead::ensemble ? averaged(predicted) : predicted;
  earlier_.push_front(predicted);
  const int64_t reach = (predicted.size(1) + execute_ - 1) / execute_ - 1;  // rounds whose predictions reach this one
  while (static_cast<int64_t>(earlier_.size()) > reach) earlier_.pop_back();
  return plan;
}

at::Tensor LookaheadPlan::averaged(const at::Tensor& predicted) const {
  const auto rounds = static_cast<int64_t>(earlier_.size());
  at::Tensor sum = at::zeros_like(predicted);
  at::Tensor weights = at::zeros({1, predicted.size(1), 1}, predicted.options());
  for (int64_t age = 0; age <= rounds; ++age) {
    const at::Tensor& source = age == 0 ? predicted : earlier_[age - 1];
    const int64_t shift = age * execute_, count = predicted.size(1) - shift;
    const double weight = std::exp(-0.01 * static_cast<double>(rounds - age));
    sum.narrow(1, 0, count).add_(source.narrow(1, shift, count), weight);
    weights.narrow(1, 0, count).add_(weight);
  }
  return sum / weights;
}

}  // namespace physgen
