#include <physgen/train/train_step.h>

#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include "device/autocast_scope.h"
#include "device/timed_stage.h"

namespace physgen {
namespace {

std::vector<double> total_counts(const std::vector<StepPart>& parts) {
  std::vector<double> totals(parts.front().counts.size(), 0);
  for (const StepPart& part : parts) {
    for (size_t i = 0; i < totals.size(); ++i) totals[i] += part.counts[i];
  }
  return totals;
}

// The step's one wait for the device.
StepOutcome read(const at::Tensor& losses, const at::Tensor& gradient_norm) {
  const at::Tensor host = at::cat({losses, gradient_norm.reshape({1})}).to(at::kDouble).cpu();
  const double* numbers = host.const_data_ptr<double>();
  StepOutcome outcome{.losses = {numbers, numbers + losses.numel()}, .gradient_norm = numbers[losses.numel()]};
  for (const double loss : outcome.losses) outcome.loss += loss;
  outcome.finite = std::isfinite(outcome.loss) && std::isfinite(outcome.gradient_norm);
  return outcome;
}

}  // namespace

TrainStep::TrainStep(std::vector<OptimizedParameter> parameters, const OptimizerConfig& config,
                     std::optional<double> ema_decay, const Compute& compute)
    : config_(config), compute_(compute), optimizer_(std::move(parameters), config) {
  if (ema_decay) averages_.emplace(tensors_of(optimizer_.parameters()), *ema_decay);
}

template <class Work>
auto TrainStep::timed(const char* stage, const Work& work) {
  return timed_stage(on_stage, compute_.device, stage, work);
}

// Adds a part's share of the whole step's gradients. Returns its share of each loss, on the device.
std::vector<at::Tensor> TrainStep::backward(const StepPart& part, const std::vector<double>& counts) {
  std::vector<at::Tensor> losses = timed("forward", [&] {
    const AutocastScope autocast(compute_.device, compute_.dtype);
    std::vector<at::Tensor> sums = part.sums();
    for (size_t i = 0; i < sums.size(); ++i) sums[i] = sums[i] / std::max(counts[i], 1.0);
    return sums;
  });
  return timed("backward", [&] {
    at::stack(losses).sum().backward();
    for (at::Tensor& loss : losses) loss = loss.detach();
    return losses;
  });
}

StepOutcome TrainStep::run(const std::vector<StepPart>& parts, double learning_rate, int64_t step) {
  optimizer_.clear_gradients();
  const std::vector<double> counts = total_counts(parts);
  at::Tensor losses = at::zeros({static_cast<int64_t>(counts.size())}, compute_.device);
  for (const StepPart& part : parts) losses += at::stack(backward(part, counts));
  // All that ranks have to sum is here: counts before the first part, losses and gradients after the last.
  return timed("optimizer", [&] {
    const at::Tensor norm = clip_gradients(optimizer_.parameters(), config_.clip_norm);
    const StepOutcome outcome = read(losses, norm.to(compute_.device));
    if (outcome.finite) {
      optimizer_.step(learning_rate);
      if (averages_) averages_->update(step);
    }
    return outcome;
  });
}

}  // namespace physgen
