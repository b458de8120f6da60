#include "bench/training_plan.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include <torch/torch.h>

#include <physgen/device/machine.h>
#include <physgen/policy/loss_noise.h>
#include <physgen/release/pretrained.h>
#include <physgen/vae/frame_encoder.h>

#include "bench/activation_memory.h"
#include "bench/random_policy.h"
#include "bench/training_steps.h"
#include "core/stopwatch.h"
#include "device/autocast_scope.h"
#include "device/compute_device.h"
#include "device/free_memory.h"
#include "device/peak_memory.h"
#include "train/job_data.h"
#include "train/latent_store.h"
#include "train/run_ranks.h"
#include "train/starting_policy.h"
#include "train/variant_encoder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMoments = 2;                 // of AdamW: two numbers a parameter
constexpr int64_t kMetricsLine = 400;           // bytes of a step's line in metrics.jsonl, about
constexpr int64_t kCheckpointTexts = 16 << 10;  // bytes of configs, manifests and headers, about
// glibc's malloc keeps what was freed between blocks in use: of activations that come and go in every step about a
// tenth more is resident than tensors hold (none to a quarter, over precisions and micro-batches).
constexpr double kGaps = 0.1;
// What oneDNN keeps of the kernels that it compiles in bfloat16 (see bound_kernel_caches); float32 needs none.
constexpr int64_t kCompiledKernels = int64_t{160} << 20;

int64_t sum_of(const std::vector<PlannedBytes>& parts) {
  return std::accumulate(parts.begin(), parts.end(), int64_t{0},
                         [](int64_t sum, const PlannedBytes& part) { return sum + part.bytes; });
}

int64_t bytes_of(const at::Tensor& tensor) { return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0; }

int64_t bytes_of(const NamedTensors& tensors) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += bytes_of(tensor);
  return bytes;
}

std::string part_of(const std::string& tensor) {
  if (tensor.ends_with("lora_a") || tensor.ends_with("lora_b")) return "adapters";
  if (tensor.starts_with("nova.")) return "backbone";
  if (tensor.starts_with("action_head.")) return "action head";
  return tensor.starts_with("physical_token.") ? "codec" : "text";
}

PlannedPart& part_named(std::vector<PlannedPart>& parts, const std::string& name) {
  const auto found =
      std::find_if(parts.begin(), parts.end(), [&](const PlannedPart& part) { return part.name == name; });
  return found == parts.end() ? parts.emplace_back(PlannedPart{name}) : *found;
}

// The sizes of what is trained. The model's weights are not written to, so that they take no memory.
struct Sizes {
  Sizes(const PolicyConfig& policy, TrainMode mode) {
    PhysGenModel model(policy.model);
    prepare_training(model, mode, policy.adapter.rank, policy.adapter.alpha);
    model->encode_text(policy.instructions);  // refuses one that is too long
    for (const auto& [name, tensor] : state_dict(*model)) {
      PlannedPart& part = part_named(parts, part_of(name));
      (tensor.requires_grad() ? part.trained : part.frozen) += tensor.numel();
    }
    weights = bytes_of(state_dict(*model));
    const CausalVae frozen(policy.vae, at::kMeta);
    vae = bytes_of(state_dict(*frozen));
    part_named(parts, "VAE").frozen = vae / static_cast<int64_t>(sizeof(float));
    for (const PlannedPart& part : parts) trained += part.trained * static_cast<int64_t>(sizeof(float));
  }

  std::vector<PlannedPart> parts;
  int64_t weights = 0, vae = 0, trained = 0;  // bytes
};

// Bytes of a step's windows and their noise.
int64_t batches_of(const PolicyConfig& policy, const FinetuneConfig& config, int64_t windows) {
  const WindowBatch batch = random_windows(policy, 1);
  const LossNoise noise = draw_loss_noise(policy.model, config.loss, {});
  int64_t one = config.latent_jitter > 0 ? bytes_of(batch.latents) : 0;
  for (const at::Tensor& tensor :
       {batch.latents, batch.frame_valid, batch.actions, batch.action_valid, batch.states, noise.text_kept,
        noise.frame_mask.known_ids, noise.frame_mask.unknown, noise.frame_noise, noise.frame_timesteps,
        noise.action_noise, noise.action_timesteps}) {
    one += bytes_of(tensor);
  }
  return one * windows;
}

int64_t windows_of(const std::vector<DemonstrationSet>& sets, std::vector<int64_t> EpisodeSplit::*part) {
  int64_t windows = 0;
  for (const DemonstrationSet& set : sets) {
    for (const int64_t i : set.split.*part) windows += set.episodes[static_cast<size_t>(i)].info.control_steps;
  }
  return windows;
}

// Bytes of the files that are mapped into memory while a policy is begun from them.
int64_t mapped_at_start(const FinetuneJob& job) {
  if (job.init.empty()) return 0;
  if (!is_pretrained(job.init)) return static_cast<int64_t>(fs::file_size(fs::path(job.init) / "model.safetensors"));
  const PretrainedFiles files = open_pretrained(job.init);
  const bool reads = job.config.model.text_encoder != TextEncoder::none;
  return bytes_of(files.backbone) + bytes_of(files.vae) + (reads ? bytes_of(files.text_encoder) : 0);
}

// Bytes that the disk of a folder has left, which need not be there yet; 0: not known.
int64_t free_space(const std::string& folder) {
  fs::path there = fs::absolute(folder);
  while (!fs::exists(there) && there.has_relative_path()) there = there.parent_path();
  std::error_code failed;
  const fs::space_info space = fs::space(there, failed);
  return failed ? 0 : static_cast<int64_t>(space.available);
}

// Bytes.
struct MemoryNeeds {
  int64_t program = 0, weights = 0, vae = 0, trained = 0, exchanged = 0, activations = 0, gaps = 0, kernels = 0,
          batches = 0, latents = 0, copy = 0;
  EncodingMemory encoding = {};
  int64_t variant = 0;  // latents that are encoded, before they are a file
  int64_t read = 0;     // of the files that the policy is begun from
};

std::vector<PlannedBytes> parts_of(const MemoryNeeds& needs) {
  std::vector<PlannedBytes> parts = {{"program, libraries, demonstrations", needs.program},
                                     {"weights", needs.weights},
                                     {"VAE", needs.vae},
                                     {"optimizer's two moments", kMoments * needs.trained},
                                     {"averaged weights", needs.trained},
                                     {"gradients", needs.trained},
                                     {"gradients on their way to other processes", needs.exchanged},
                                     {"activations", needs.activations},
                                     {"gaps between activations", needs.gaps},
                                     {"kernels compiled for bfloat16", needs.kernels},
                                     {"batches at hand and ahead", needs.batches},
                                     {"latents, mapped from files", needs.latents},
                                     {"copy that a checkpoint is written from", needs.copy},
                                     {"encoder's weights", needs.encoding.weights},
                                     {"encoder's activations", needs.encoding.activations}};
  std::erase_if(parts, [](const PlannedBytes& part) { return part.bytes == 0; });
  return parts;
}

// Gradients come while activations go: a step holds one or the other; from its second micro-batch on it holds both.
std::vector<PlannedBytes> phases_of(const MemoryNeeds& needs, bool in_parts) {
  const int64_t always = needs.program + needs.weights + needs.vae;
  const int64_t encoding = needs.encoding.weights + needs.encoding.activations + needs.variant;
  const int64_t state = (kMoments + 1) * needs.trained + needs.exchanged + needs.copy;
  const int64_t forward = needs.activations + needs.gaps + (in_parts ? needs.trained : 0);
  const int64_t step = needs.kernels + needs.batches + needs.latents + std::max(forward, needs.trained);
  return {{"while the policy is begun", always + needs.read},
          {"while frames are encoded", always + encoding},
          {"in a step", always + state + step}};
}

class Planner {
 public:
  Planner(const FinetuneJob& job, int64_t ranks)
      : job_(job),
        config_(job.config),
        ranks_(ranks),
        device_(compute_device(job.device)),
        compute_{device_, compute_dtype(job.config.precision, device_)},
        sets_(read_sets(job, {})),
        policy_(starting_config(job, sets_)),
        mode_(starting_mode(job)),
        sizes_(policy_, mode_) {
    plan_.device = device_.str();
    plan_.precision = compute_.dtype == at::kFloat ? "float32" : "bfloat16";
    plan_.ranks = ranks;
    plan_.mode = mode_;
    plan_.steps = config_.steps;
    plan_.batch = config_.batch;
    plan_.micro_batch = config_.batch / config_.accumulation / ranks;
    plan_.windows = windows_of(sets_, &EpisodeSplit::training);
    plan_.held_out_windows = windows_of(sets_, &EpisodeSplit::held_out);
    for (const DemonstrationSet& set : sets_) plan_.frames += first_rows_of(set).back() * config_.augmentation.variants;
    plan_.parts = sizes_.parts;
    plan_.folder = job.out.empty() ? "." : job.out;
  }

  TrainingPlan plan(PlanBasis basis) {
    plan_memory();
    plan_disk();
    if (basis == PlanBasis::measure) measure();
    return std::move(plan_);
  }

 private:
  MemoryNeeds needs() const;
  void plan_memory();
  void plan_disk();
  double encoding_seconds(const LoadedPolicy& policy) const;
  void measure();

  int64_t latent_bytes(int64_t frames) const {
    const NovaConfig& nova = policy_.model.backbone;
    const int64_t values = nova.latent_channels * nova.latent_height * nova.latent_width;
    return frames * values * static_cast<int64_t>(at::elementSize(compute_.dtype));
  }

  // Of the set with the most frames: it is encoded in memory.
  int64_t largest_variant() const {
    int64_t most = 0;
    for (const DemonstrationSet& set : sets_) most = std::max(most, first_rows_of(set).back());
    return latent_bytes(most);
  }

  const FinetuneJob& job_;
  const FinetuneConfig& config_;
  int64_t ranks_;
  at::Device device_;
  Compute compute_;
  std::vector<DemonstrationSet> sets_;
  PolicyConfig policy_;
  TrainMode mode_;
  Sizes sizes_;
  TrainingPlan plan_;
};

// Of one process, on the device that it computes on; the host holds the rest for a GPU.
MemoryNeeds Planner::needs() const {
  MemoryNeeds needs{.weights = sizes_.weights, .trained = sizes_.trained, .exchanged = ranks_ > 1 ? sizes_.trained : 0};
  needs.activations = activation_memory(policy_, config_, mode_, plan_.micro_batch, compute_);
  needs.encoding = encoding_memory(policy_, kFramesAtOnce, compute_);
  needs.batches = batches_of(policy_, config_, config_.batch / ranks_);
  if (!device_.is_cpu()) return needs;
  needs.gaps = static_cast<int64_t>(kGaps * static_cast<double>(needs.activations));
  needs.batches *= 2;  // and those of the next step
  needs.kernels = compute_.dtype == at::kFloat ? 0 : kCompiledKernels;
  needs.vae = sizes_.vae;
  needs.copy = (kMoments + 2) * sizes_.trained;  // weights, averages and moments
  needs.latents = latent_bytes(plan_.frames);
  needs.variant = largest_variant();
  needs.read = mapped_at_start(job_);
  needs.program = resident_memory();  // last: what was computed until now has loaded the libraries' code
  return needs;
}

void Planner::plan_memory() {
  const MemoryNeeds needs = this->needs();
  PlannedRoom& room = plan_.memory;
  room.parts = parts_of(needs);
  room.phases = phases_of(needs, config_.accumulation > 1);
  for (const PlannedBytes& phase : room.phases) room.peak = std::max(room.peak, phase.bytes);
  room.free = free_memory(device_);
}

void Planner::plan_disk() {
  const int64_t saves = (config_.steps + config_.save_every - 1) / config_.save_every;
  const int64_t policy = sizes_.weights + sizes_.vae + kCheckpointTexts;
  const int64_t checkpoint = policy + (kMoments + 1) * sizes_.trained;
  const int64_t kept = std::min(saves, config_.keep_last);
  PlannedRoom& room = plan_.disk;
  const int64_t metrics = kMetricsLine * config_.steps;
  room.parts = {{"encoded frames", latent_bytes(plan_.frames)},
                {"checkpoints to go on from, " + std::to_string(kept), kept * checkpoint},
                {"best", policy},
                {"metrics", metrics}};
  const int64_t rest = sum_of(room.parts);
  room.phases = {{"when the run is done", rest},
                 {"while a checkpoint is written", rest + (saves > kept ? checkpoint : policy)}};
  room.peak = room.phases.back().bytes;
  room.free = free_space(plan_.folder);
}

// Of one frame, the second time.
double Planner::encoding_seconds(const LoadedPolicy& policy) const {
  const FrameEncoder encoder(policy.vae, device_, compute_.dtype);
  const at::Tensor frames = random_frames(policy_, 1);
  encoder.encode(frames);
  wait_for(device_);
  const Stopwatch stopwatch;
  encoder.encode(frames);
  wait_for(device_);
  return stopwatch.seconds();
}

void Planner::measure() {
  const LoadedPolicy policy = random_weights(policy_);
  MeasuredSteps measured;
  measured.encoding_seconds =
      encoding_seconds(policy) * static_cast<double>(plan_.frames) / static_cast<double>(ranks_);
  FinetuneConfig share = config_;
  share.batch /= ranks_;
  TrainingSteps steps(policy, share, mode_, compute_);
  reset_peak_memory(device_);
  StageTimes warm_up, times;
  steps.run(warm_up);
  steps.run(times);
  measured.seconds = times.median("step") / 1e3;
  measured.peak_memory = peak_memory(device_);
  plan_.measured = measured;
}

}  // namespace

double TrainingPlan::epochs() const {
  return windows > 0 ? static_cast<double>(steps * batch) / static_cast<double>(windows) : 0;
}

int64_t TrainingPlan::memory_of_all() const { return device == "cpu" ? ranks * memory.peak : memory.peak; }

TrainingPlan plan_training(const FinetuneJob& job, PlanBasis basis, int64_t ranks) {
  check(job.config);
  check_shares(job.config, ranks);
  if (!job.out.empty()) refuse_other_run(job);
  if (job.config.threads) set_compute_threads(*job.config.threads);
  return Planner(job, ranks).plan(basis);
}

}  // namespace physgen
