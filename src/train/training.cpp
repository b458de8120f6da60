#include "train/training.h"

#include <chrono>
#include <cmath>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/core/random.h>
#include <physgen/files/atomic_file.h>
#include <physgen/files/manifest.h>

#include "device/autocast_scope.h"
#include "train/held_out_evaluation.h"

namespace physgen {
namespace {

constexpr int64_t kMostSkippedInARow = 10;
constexpr const char* kStateName = "training.safetensors";

uint64_t seed_of(const FinetuneConfig& config) { return static_cast<uint64_t>(config.seed); }

WindowChoice training_windows(const FinetuneConfig& config, const std::vector<double>& weights) {
  return {.held_out = false,
          .weights = weights,
          .seed = mixed_seed(seed_of(config), Stream::clips),
          .latent_jitter = config.latent_jitter,
          .variants = true};
}

WindowChoice held_out_windows(const FinetuneConfig& config) {
  return {.held_out = true, .seed = mixed_seed(seed_of(config), Stream::held_out), .variants = false};
}

LoadedPolicy on_device(LoadedPolicy policy, at::Device device) {
  policy.model->to(device);
  policy.model->train();
  return policy;
}

NamedTensors trained_tensors(const AdamW& optimizer) {
  NamedTensors tensors;
  for (const auto& item : optimizer.parameters()) tensors.emplace_back(item.name, item.parameter);
  return tensors;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

at::Tensor share_of(const at::Tensor& sum, double count) { return sum / std::max(count, 1.0); }

}  // namespace

struct Training::MicroBatch {
  WindowBatch windows;
  LossNoise noise;
};

Training::Training(const FinetuneConfig& config, const std::vector<double>& weights, LoadedPolicy policy,
                   const std::vector<DemonstrationSet>& sets, const std::vector<LatentStore>& latents,
                   at::Device device, at::ScalarType dtype)
    : config_(config),
      policy_(on_device(std::move(policy), device)),
      device_(device),
      dtype_(dtype),
      windows_(sets, latents, policy_.config, training_windows(config, weights)),
      held_out_(sets, latents, policy_.config, held_out_windows(config)),
      optimizer_(optimized_parameters(*policy_.model),
                 {.betas = config.optimizer.betas, .weight_decay = config.optimizer.weight_decay}),
      averages_(trained_tensors(optimizer_), config.ema_decay) {}

Training::MicroBatch Training::draw(int64_t index) const {
  const int64_t size = config_.batch / config_.accumulation;
  const int64_t number = progress_.step * config_.accumulation + index;
  at::Generator generator =
      at::detail::createCPUGenerator(mixed_seed(seed_of(config_), Stream::noise, static_cast<uint64_t>(number)));
  return {moved(windows_.batch(number * size, size), device_),
          draw_loss_noise(policy_.config.model, config_.loss, size, generator, device_)};
}

// Gradients of the whole batch's loss: each part's sums divided by the counts of all parts. Returns their norm.
double Training::backward(const std::vector<MicroBatch>& parts, StepMetrics& metrics) {
  LossCounts counts;
  for (const MicroBatch& part : parts) {
    const LossCounts own = count_loss_terms(policy_.config.model, part.windows, part.noise, config_.loss);
    counts.observation += own.observation;
    counts.action += own.action;
  }
  optimizer_.clear_gradients();
  for (const MicroBatch& part : parts) {
    at::Tensor observation, action;
    {
      const AutocastScope autocast(device_, dtype_);
      const Losses losses = compute_losses(policy_.model, part.windows, part.noise, config_.loss);
      observation = share_of(losses.observation_sum, counts.observation);
      action = share_of(losses.action_sum, counts.action);
    }
    (observation + action).backward();
    metrics.observation += observation.item<double>();
    metrics.action += action.item<double>();
  }
  metrics.loss = metrics.observation + metrics.action;
  return clip_gradients(optimizer_.parameters(), config_.optimizer.clip_norm).item<double>();
}

StepMetrics Training::advance() {
  const auto start = std::chrono::steady_clock::now();
  std::vector<MicroBatch> parts;
  for (int64_t i = 0; i < config_.accumulation; ++i) parts.push_back(draw(i));
  StepMetrics metrics{.step = progress_.step + 1, .steps = config_.steps};
  metrics.learning_rate = learning_rate_at(config_.optimizer.learning_rate, progress_.step, config_.steps);
  metrics.gradient_norm = backward(parts, metrics);
  if (std::isfinite(metrics.loss) && std::isfinite(metrics.gradient_norm)) {
    optimizer_.step(metrics.learning_rate);
    averages_.update(progress_.step + 1);
    progress_.skipped_in_a_row = 0;
  } else {
    refuse_or_skip(metrics);
  }
  ++progress_.step;
  metrics.seconds = seconds_since(start);
  metrics.windows_per_second = static_cast<double>(config_.batch) / metrics.seconds;
  return metrics;
}

void Training::refuse_or_skip(StepMetrics& metrics) {
  metrics.skipped = true;
  ++progress_.skipped_in_a_row;
  if (config_.non_finite == NonFinite::skip && progress_.skipped_in_a_row < kMostSkippedInARow) return;
  throw Error({.what = "the loss or its gradient is not finite",
               .where = "step " + std::to_string(metrics.step) + ", windows " +
                        windows_.names(progress_.step * config_.batch, config_.batch),
               .got = "loss " + std::to_string(metrics.loss) + ", gradient norm " +
                      std::to_string(metrics.gradient_norm) + ", " + std::to_string(progress_.skipped_in_a_row) +
                      " such steps in a row",
               .next_step = "look at these demonstrations, lower optimizer.learning_rate.peak, or set precision to "
                            "float32; --resume goes on from the last checkpoint"});
}

std::optional<EvaluationMetrics> Training::evaluate() {
  if (held_out_.size() == 0) return {};
  const EmaScope averaged(averages_);
  const HeldOutChoice choice{.windows = config_.evaluation_windows,
                             .batch = config_.batch / config_.accumulation,
                             .loss = config_.loss,
                             .seed = seed_of(config_),
                             .device = device_,
                             .dtype = dtype_};
  EvaluationMetrics metrics = evaluate_held_out(policy_.model, held_out_, policy_.config, choice);
  metrics.step = progress_.step;
  const double score = config_.loss.action ? metrics.action_error : metrics.observation;
  metrics.best = score < progress_.best_score;
  if (metrics.best) progress_.best_score = score;
  return metrics;
}

void Training::save(const std::filesystem::path& path, bool to_continue) {
  AtomicDirectory directory(path);
  policy_.config.step = progress_.step;
  {
    const EmaScope averaged(averages_);
    write_policy_files(directory.path(), policy_.config, state_dict(*policy_.model), state_dict(*policy_.vae));
  }
  if (to_continue) save_training_state(directory.path() / kStateName, optimizer_, progress_);
  write_manifest(directory.path(), kPolicyKind);
  directory.commit();
}

void Training::load(const std::filesystem::path& checkpoint) {
  progress_ = load_training_state(checkpoint / kStateName, optimizer_);
}

}  // namespace physgen
