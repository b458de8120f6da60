#include "train/held_out_evaluation.h"

#include <torch/torch.h>

#include <physgen/core/random.h>
#include <physgen/data/action_names.h>

#include "device/autocast_scope.h"

namespace physgen {
namespace {

// Sums over the windows so far.
struct Sums {
  double observation = 0, observation_count = 0, action = 0, action_count = 0;
  at::Tensor errors;  // [A] absolute, normalised
  double error_count = 0;
};

double mean_or_zero(double sum, double count) { return count > 0 ? sum / count : 0; }

at::Generator generator_of(const HeldOutChoice& choice, int64_t position) {
  return at::detail::createCPUGenerator(mixed_seed(choice.seed, Stream::held_out, static_cast<uint64_t>(position)));
}

void add_losses(const Losses& losses, Sums& sums) {
  sums.observation += losses.observation_sum.item<double>();
  sums.observation_count += losses.observation_count.item<double>();
  sums.action += losses.action_sum.item<double>();
  sums.action_count += losses.action_count.item<double>();
}

// The chunk sampled at pack p is A_{p+1}: what follows the frame that the pack ends with.
void add_action_errors(PhysGenModel& model, const WindowBatch& batch, at::Generator generator, Sums& sums) {
  const at::Tensor sampled = sample_actions(model, batch, std::move(generator)).to(at::kFloat);  // [B, P, L, A]
  const int64_t packs = sampled.size(1);
  const at::Tensor valid = batch.action_valid.narrow(1, 0, packs)
                               .logical_and(batch.frame_valid.narrow(1, 0, packs).unsqueeze(2))
                               .to(at::kFloat);  // [B, P, L]
  const at::Tensor errors = (sampled - batch.actions.narrow(1, 0, packs)).abs() * valid.unsqueeze(-1);
  const at::Tensor total = errors.sum({0, 1, 2}).to(at::kDouble).cpu();
  sums.errors = sums.errors.defined() ? sums.errors + total : total;
  sums.error_count += valid.sum().item<double>();
}

void report_action_errors(const Sums& sums, const PolicyConfig& policy, EvaluationMetrics& metrics) {
  const at::Tensor errors = sums.errors / std::max(sums.error_count, 1.0);
  metrics.action_error = errors.mean().item<double>();
  metrics.action_names = action_names(policy.control_mode, errors.size(0));
  for (size_t i = 0; i < policy.actions.low.size(); ++i) {
    const double half_range = (policy.actions.high[i] - policy.actions.low[i]) / 2;
    metrics.action_errors.push_back(errors[static_cast<int64_t>(i)].item<double>() * half_range);
  }
}

}  // namespace

EvaluationMetrics evaluate_held_out(PhysGenModel& model, const WindowLoader& loader, const PolicyConfig& policy,
                                    const HeldOutChoice& choice) {
  const at::NoGradGuard no_gradient;
  const AutocastScope autocast(choice.device, choice.dtype);
  const int64_t windows = std::min(choice.windows, loader.size());
  Sums sums;
  for (int64_t first = 0; first < windows; first += choice.batch) {
    const int64_t count = std::min(choice.batch, windows - first);
    const WindowBatch batch = moved(loader.batch(first, count), choice.device);
    at::Generator generator = generator_of(choice, first);
    const LossNoise noise = draw_loss_noise(policy.model, choice.loss, count, generator, choice.device);
    add_losses(compute_losses(model, batch, noise, choice.loss), sums);
    if (choice.loss.action) add_action_errors(model, batch, generator, sums);
  }
  EvaluationMetrics metrics;
  metrics.observation = mean_or_zero(sums.observation, sums.observation_count);
  metrics.action = mean_or_zero(sums.action, sums.action_count);
  metrics.loss = metrics.observation + metrics.action;
  if (choice.loss.action) report_action_errors(sums, policy, metrics);
  return metrics;
}

WindowBatch moved(WindowBatch batch, at::Device device) {
  for (at::Tensor* tensor :
       {&batch.latents, &batch.input_latents, &batch.frame_valid, &batch.actions, &batch.action_valid, &batch.states}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return batch;
}

}  // namespace physgen
