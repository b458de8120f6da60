#include "train/train_step.h"

#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include "device/autocast_scope.h"
#include "device/timed_stage.h"
#include "distributed/ranks.h"

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
  return {.losses = {numbers, numbers + losses.numel()}, .gradient_norm = numbers[losses.numel()]};
}

}  // namespace

TrainStep::TrainStep(std::vector<OptimizedParameter> parameters, const OptimizerConfig& config,
                     std::optional<double> ema_decay, const Compute& compute, Ranks* ranks)
    : config_(config), compute_(compute), optimizer_(std::move(parameters), config), ranks_(ranks) {
  if (ema_decay) averages_.emplace(tensors_of(optimizer_.parameters()), *ema_decay);
  if (!ranks_) return;
  std::vector<at::Tensor> trained;
  for (const auto& [name, tensor] : tensors_of(optimizer_.parameters())) trained.push_back(tensor);
  ranks_->watch(trained);
}

template <class Work>
auto TrainStep::timed(const char* stage, const Work& work) {
  return timed_stage(on_stage, compute_.device, stage, work);
}

// Adds a part's share of the whole step's gradients. Returns its share of each loss, on the device.
std::vector<at::Tensor> TrainStep::backward(const StepPart& part, const std::vector<double>& counts, bool last) {
  std::vector<at::Tensor> losses = timed("forward", [&] {
    const AutocastScope autocast(compute_.device, compute_.dtype);
    std::vector<at::Tensor> sums = part.sums();
    for (size_t i = 0; i < sums.size(); ++i) sums[i] = sums[i] / std::max(counts[i], 1.0);
    return sums;
  });
  return timed("backward", [&] {
    const at::Tensor loss = at::stack(losses).sum();
    ranks_ ? ranks_->backward(loss, last) : loss.backward();
    for (at::Tensor& share : losses) share = share.detach();
    return losses;
  });
}

// Makes the losses those of all ranks. Gradients are so already.
void TrainStep::agree(StepOutcome& outcome) {
  if (ranks_) {
    const size_t losses = outcome.losses.size(), notes = outcome.notes.size();
    std::vector<double> shared = outcome.losses;
    shared.insert(shared.end(), outcome.notes.begin(), outcome.notes.end());
    std::vector<double> faults(static_cast<size_t>(ranks_->size()), 0);
    for (const double loss : outcome.losses) faults[static_cast<size_t>(ranks_->rank())] += std::isfinite(loss) ? 0 : 1;
    shared.insert(shared.end(), faults.begin(), faults.end());
    shared = ranks_->sum(std::move(shared));
    for (size_t i = 0; i < losses; ++i) outcome.losses[i] = shared[i];
    for (size_t i = 0; i < notes; ++i) outcome.notes[i] = shared[losses + i];
    for (size_t i = 0; i < faults.size(); ++i) {
      if (shared[losses + notes + i] > 0) outcome.not_finite_on.push_back(static_cast<int>(i));
    }
  }
  for (const double loss : outcome.losses) outcome.loss += loss;
  outcome.finite = std::isfinite(outcome.loss) && std::isfinite(outcome.gradient_norm);
}

StepOutcome TrainStep::run(const std::vector<StepPart>& parts, double learning_rate, int64_t step,
                           std::vector<double> notes) {
  optimizer_.clear_gradients();
  std::vector<double> counts = total_counts(parts);
  if (ranks_) counts = ranks_->sum(std::move(counts));
  at::Tensor losses = at::zeros({static_cast<int64_t>(counts.size())}, compute_.device);
  for (const StepPart& part : parts) losses += at::stack(backward(part, counts, &part == &parts.back()));
  return timed("optimizer", [&] {
    const at::Tensor norm = clip_gradients(optimizer_.parameters(), config_.clip_norm);
    StepOutcome outcome = read(losses, norm.to(compute_.device));
    outcome.notes = std::move(notes);
    agree(outcome);
    if (outcome.finite) {
      optimizer_.step(learning_rate);
      if (averages_) averages_->update(step);
    }
    return outcome;
  });
}

}  // namespace physgen
