#include "train/policy_training.h"

#include <torch/torch.h>

#include "device/weight_memory.h"
#include "train/held_out_evaluation.h"
#include "train/host_copy.h"
#include "train/imagined_frames.h"
#include "train/run_folder.h"

namespace physgen {
namespace {

LoadedPolicy on_device(LoadedPolicy policy, at::Device device) {
  const char* smaller = "use a smaller model, or --device cpu; --plan says what a run takes";
  with_memory(device, weight_bytes(*policy.model, at::kFloat), smaller, [&] { policy.model->to(device); });
  policy.model->train();
  return policy;
}

}  // namespace

PolicyTraining::PolicyTraining(const FinetuneConfig& config, LoadedPolicy policy, const WindowSource& windows,
                               const WindowSource& held_out, const Compute& compute)
    : config_(config),
      policy_(on_device(std::move(policy), compute.device)),
      windows_(windows),
      held_out_(held_out),
      compute_(compute) {}

std::vector<OptimizedParameter> PolicyTraining::parameters() const { return optimized_parameters(*policy_.model); }

StepPart PolicyTraining::part_of(int64_t first, int64_t count, int64_t step) const {
  const ModelConfig& model = policy_.config.model;
  const WindowBatch windows = windows_.batch(first, count);
  const NoiseKey key{.seed = static_cast<uint64_t>(config_.seed), .first = first, .count = count, .step = step};
  LossNoise noise = draw_loss_noise(model, config_.loss, key);
  const LossCounts counts = count_loss_terms(model, windows, noise, config_.loss);
  const auto sums = [this, windows, noise]() -> std::vector<at::Tensor> {
    PhysGenModel handle = policy_.model;
    const Losses losses =
        compute_losses(handle, moved(windows, compute_.device), moved(noise, compute_.device), config_.loss);
    return {losses.observation_sum, losses.action_sum};
  };
  return {.counts = {counts.observation, counts.action}, .sums = sums};
}

std::vector<StepPart> PolicyTraining::prepare(int64_t step, const WorkShare& share) const {
  const int64_t count = micro_batch() / share.ranks, mine = count * config_.accumulation;
  std::vector<StepPart> parts;
  for (int64_t first = share.rank * mine; first < (share.rank + 1) * mine; first += count) {
    parts.push_back(part_of(step * config_.batch + first, count, step));
  }
  return parts;
}

std::string PolicyTraining::sources(int64_t step, const WorkShare& share) const {
  const int64_t count = config_.batch / share.ranks;
  return "windows " + windows_.names(step * config_.batch + share.rank * count, count);
}

std::optional<EvaluationMetrics> PolicyTraining::evaluate(Ranks* ranks) {
  if (held_out_.size() == 0) return {};
  const HeldOutChoice choice{.windows = config_.evaluation_windows,
                             .batch = config_.batch,
                             .micro_batch = micro_batch(),
                             .loss = config_.loss,
                             .seed = static_cast<uint64_t>(config_.seed),
                             .compute = compute_,
                             .ranks = ranks};
  return evaluate_held_out(policy_.model, held_out_, policy_.config, choice);
}

WriteWeights PolicyTraining::copy(int64_t step, bool best) const {
  PolicyConfig config = policy_.config;
  config.step = step;
  NamedTensors model = state_dict(*policy_.model);
  for (auto& [name, tensor] : model) {
    if (tensor.requires_grad()) tensor = host_copy(tensor);
  }
  std::optional<ImaginedFrames> imagined;
  if (best && config_.loss.observation) {
    imagined = imagine_held_out(policy_.model, held_out_, compute_, static_cast<uint64_t>(config_.seed));
  }
  return [config, model, imagined, vae = policy_.vae](const std::filesystem::path& directory) {
    write_policy_files(directory, config, model, state_dict(*vae));
    if (imagined) write_png((directory / kImaginedName).string(), picture_of(*imagined, vae));
  };
}

}  // namespace physgen
