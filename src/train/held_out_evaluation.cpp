#include "train/held_out_evaluation.h"

#include <array>

#include <torch/torch.h>

#include "core/random.h"
#include "data/action_names.h"
#include "device/autocast_scope.h"
#include "train/rank_share.h"

namespace physgen {
namespace {

// Sums over the windows so far.
struct Sums {
  double observation = 0, observation_count = 0, action = 0, action_count = 0;
  at::Tensor errors;  // [A] absolute, normalised
  double error_count = 0;
};

double mean_or_zero(double sum, double count) { return count > 0 ? sum / count : 0; }

void add_losses(const Losses& losses, Sums& sums) {
  sums.observation += losses.observation_sum.item<double>();
  sums.observation_count += losses.observation_count.item<double>();
  sums.action += losses.action_sum.item<double>();
  sums.action_count += losses.action_count.item<double>();
}

// The chunk sampled at pack p is A_{p+1}: what follows the frame that the pack ends with.
void add_action_errors(PhysGenModel& model, const WindowBatch& batch, const NoiseKey& key, Sums& sums) {
  const std::vector<at::Generator> generators = sampling_generators(key);
  const at::Tensor noise = draw_sampling_noise(model->config(), generators);
  const at::Tensor sampled = sample_actions(model, batch, noise, generators).to(at::kFloat);  // [B, P, L, A]
  const int64_t packs = sampled.size(1);
  const at::Tensor valid = batch.action_valid.narrow(1, 0, packs)
                               .logical_and(batch.frame_valid.narrow(1, 0, packs).unsqueeze(2))
                               .to(at::kFloat);  // [B, P, L]
  const at::Tensor errors = (sampled - batch.actions.narrow(1, 0, packs)).abs() * valid.unsqueeze(-1);
  sums.errors += errors.sum({0, 1, 2}).to(at::kDouble).cpu();
  sums.error_count += valid.sum().item<double>();
}

void add_micro_batch(PhysGenModel& model, const WindowSource& windows, const HeldOutChoice& choice, const NoiseKey& key,
                     Sums& sums) {
  const WindowBatch batch = moved(windows.batch(key.first, key.count), choice.compute.device);
  const LossNoise noise = moved(draw_loss_noise(model->config(), choice.loss, key), choice.compute.device);
  add_losses(compute_losses(model, batch, noise, choice.loss), sums);
  if (choice.loss.action) add_action_errors(model, batch, key, sums);
}

// The part of a micro-batch that one rank computes.
NoiseKey shared(NoiseKey key, const WorkShare& share) {
  const int64_t begin = key.count * share.rank / share.ranks, end = key.count * (share.rank + 1) / share.ranks;
  key.first += begin;
  key.count = end - begin;
  return key;
}

void sum_over_ranks(Ranks* ranks, Sums& sums) {
  const std::array scalars = {&sums.observation, &sums.observation_count, &sums.action, &sums.action_count,
                              &sums.error_count};
  std::vector<double> numbers;
  for (const double* scalar : scalars) numbers.push_back(*scalar);
  const double* errors = sums.errors.const_data_ptr<double>();
  numbers.insert(numbers.end(), errors, errors + sums.errors.numel());
  numbers = sum_over(ranks, std::move(numbers));
  for (size_t i = 0; i < scalars.size(); ++i) *scalars[i] = numbers[i];
  sums.errors = at::tensor(at::ArrayRef(numbers).slice(scalars.size()), at::kDouble);
}

void report_action_errors(const Sums& sums, const PolicyConfig& policy, EvaluationMetrics& metrics) {
  const at::Tensor errors = sums.errors / std::max(sums.error_count, 1.0);
  const bool named = std::ssize(policy.action_names) == errors.size(0);
  const auto names = named ? policy.action_names : action_names(policy.control_mode, errors.size(0));
  metrics.score = errors.mean().item<double>();
  metrics.numbers.push_back({"action_error", metrics.score});
  for (size_t i = 0; i < policy.actions.low.size(); ++i) {
    const double half_range = (policy.actions.high[i] - policy.actions.low[i]) / 2;
    metrics.action_errors.push_back({names[i], errors[static_cast<int64_t>(i)].item<double>() * half_range});
  }
}

}  // namespace

EvaluationMetrics evaluate_held_out(PhysGenModel& model, const WindowSource& windows, const PolicyConfig& policy,
                                    const HeldOutChoice& choice) {
  const at::NoGradGuard no_gradient;
  const AutocastScope autocast(choice.compute.device, choice.compute.dtype);
  const int64_t count = std::min(choice.windows, windows.size());
  Sums sums{.errors = at::zeros({policy.model.codec.action_width}, at::kDouble)};
  for (NoiseKey key{.seed = mixed_seed(choice.seed, Stream::held_out)}; key.first < count; key.first += key.count) {
    key.step = key.first / choice.batch;
    key.count = std::min({choice.micro_batch, count - key.first, (key.step + 1) * choice.batch - key.first});
    const NoiseKey mine = shared(key, share_of(choice.ranks));
    if (mine.count > 0) add_micro_batch(model, windows, choice, mine, sums);
  }
  sum_over_ranks(choice.ranks, sums);
  const double observation = mean_or_zero(sums.observation, sums.observation_count);
  const double action = mean_or_zero(sums.action, sums.action_count);
  EvaluationMetrics metrics{
      .numbers = {{"loss", observation + action}, {"observation", observation}, {"action", action}},
      .score = observation};
  if (choice.loss.action) report_action_errors(sums, policy, metrics);
  return metrics;
}

}  // namespace physgen
