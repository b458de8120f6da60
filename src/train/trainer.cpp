#include <physgen/train/trainer.h>

#include <exception>
#include <utility>

#include <physgen/device/machine.h>
#include <physgen/vae/frame_encoder.h>

#include "core/random.h"
#include "device/autocast_scope.h"
#include "device/compute_device.h"
#include "files/atomic_file.h"
#include "files/sha256.h"
#include "train/job_data.h"
#include "train/latent_store.h"
#include "train/policy_training.h"
#include "train/rank_share.h"
#include "train/run_folder.h"
#include "train/run_ranks.h"
#include "train/starting_policy.h"
#include "train/training_run.h"
#include "train/window_loader.h"

namespace physgen {
namespace {

// Ends the encoding of frames when the caller asks to stop.
struct EncodingStopped : std::exception {
  explicit EncodingStopped(bool on_the_one_that_speaks) : speaks(on_the_one_that_speaks) {}
  bool speaks;
};

// A policy, and the step that it was saved at; 0: none yet.
struct Beginning {
  LoadedPolicy policy;
  int64_t step = 0;
};

Beginning begin(const FinetuneJob& job, const RunFolder& folder, const std::vector<DemonstrationSet>& sets,
                std::optional<LoadedPolicy> fresh, const TrainingCallbacks& callbacks) {
  LoadedPolicy policy;
  const auto load = [&](const std::filesystem::path& checkpoint) { policy = load_policy(checkpoint); };
  if (const auto step = folder.load_newest(load, callbacks.note)) {
    continue_policy(policy, job, sets);
    if (callbacks.note) callbacks.note("going on from step " + std::to_string(*step));
    return {policy, *step};
  }
  return {fresh ? *fresh : starting_policy(job, sets, callbacks.note), 0};
}

// Each rank encodes its share of the episodes, and then finds those of all.
void encode_together(const std::filesystem::path& cache, const std::vector<DemonstrationSet>& sets, CausalVae& vae,
                     const LatentRecipe& recipe, const RunRanks& ranks,
                     const std::function<void(int64_t, int64_t)>& progress) {
  const WorkShare share = share_of(ranks.get());
  for (const DemonstrationSet& set : sets) encode_share(cache, set, vae, recipe, share, progress);
  ranks.meet();
  for (const DemonstrationSet& set : sets) {
    if (ranks.writes()) join_shares(cache, set, vae, recipe, share.ranks);
  }
}

// Latents of every dataset. Throws EncodingStopped.
std::vector<LatentStore> encode(const FinetuneJob& job, const std::filesystem::path& cache,
                                const std::vector<DemonstrationSet>& sets, LoadedPolicy& policy, const RunRanks& ranks,
                                const Compute& compute, const TrainingCallbacks& callbacks,
                                const std::atomic<bool>& stop) {
  const LatentRecipe recipe{.canvas = policy.config.canvas,
                            .augmentation = job.config.augmentation,
                            .seed = static_cast<uint64_t>(job.config.seed),
                            .device = compute.device,
                            .dtype = compute.dtype};
  const auto progress = [&](int64_t frames, int64_t total) {
    if (callbacks.encoding) callbacks.encoding(frames, total);
    if (stop) throw EncodingStopped(ranks.writes());
  };
  if (ranks.get()) encode_together(cache, sets, policy.vae, recipe, ranks, progress);
  if (!ranks.writes()) ranks.meet();  // the first one joins, and mends what is damaged, before others look
  std::vector<LatentStore> latents;
  for (const DemonstrationSet& set : sets) {
    latents.push_back(open_latent_store(cache, set, policy.vae, recipe, progress));
  }
  if (ranks.writes()) ranks.meet();
  return latents;
}

WindowChoice training_windows(const FinetuneJob& job) {
  return {.held_out = false,
          .weights = job.weights,
          .seed = mixed_seed(static_cast<uint64_t>(job.config.seed), Stream::clips),
          .latent_jitter = job.config.latent_jitter,
          .variants = true};
}

WindowChoice held_out_windows(const FinetuneJob& job) {
  return {.held_out = true,
          .seed = mixed_seed(static_cast<uint64_t>(job.config.seed), Stream::held_out),
          .variants = false};
}

Compute compute_of(const FinetuneJob& job, const RunRanks& ranks) {
  const at::Device device = compute_device(ranks.device());
  return {device, compute_dtype(job.config.precision, device)};
}

TrainingResult train(const FinetuneJob& job, const RunFolder& folder, const std::vector<DemonstrationSet>& sets,
                     Beginning beginning, const RunRanks& ranks, const TrainingCallbacks& callbacks,
                     const std::atomic<bool>& stop) {
  const Compute compute = compute_of(job, ranks);
  const std::filesystem::path cache = job.cache.empty() ? folder.cache() : std::filesystem::path(job.cache);
  const auto latents = encode(job, cache, sets, beginning.policy, ranks, compute, callbacks, stop);
  const WindowLoader windows(sets, latents, beginning.policy.config, training_windows(job));
  const WindowLoader held_out(sets, latents, beginning.policy.config, held_out_windows(job));
  PolicyTraining policy(job.config, beginning.policy, windows, held_out, compute);
  Training training(job.config, job.config.ema_decay, policy, compute, ranks.get());
  if (beginning.step > 0) training.load(folder.checkpoint(beginning.step));
  return run_training(job.config, training, folder, callbacks, stop);
}

}  // namespace

// What may not differ between a run and its continuation.
static std::string identity_of(FinetuneJob job) {
  clear_free_fields(job.config);
  job.command.clear();
  job.origins.clear();
  job.data.clear();  // what they hold is compared, not where they lie
  job.vae.clear();
  job.init.clear();
  return write_config(job);
}

void refuse_other_run(const FinetuneJob& job) { RunFolder(job.out).refuse_other_run(job); }

TrainingResult finetune(FinetuneJob job, const TrainingCallbacks& all_callbacks, const std::atomic<bool>& stop) try {
  check(job.config);
  const RunRanks ranks(job.config, job.device);
  const TrainingCallbacks callbacks = ranks.callbacks(all_callbacks);
  job.resume = job.resume || ranks.restarted();
  const RunFolder folder(job.out);
  folder.refuse_other_run(job);
  if (job.config.threads) set_compute_threads(*job.config.threads);
  const auto sets = read_sets(job, callbacks.note);
  std::optional<LoadedPolicy> fresh;
  if (!folder.holds_run()) fresh = starting_policy(job, sets, callbacks.note);
  ranks.require_same(identity_of(job), "the job");
  std::string hashes;
  for (const DemonstrationSet& set : sets) hashes += sha256_of_text(set.hashes) + '\n';
  ranks.require_same(hashes, "the demonstrations");

  const auto lock = claim_folder(folder, job, ranks, callbacks);
  Beginning beginning = begin(job, folder, sets, std::move(fresh), callbacks);
  ranks.require_same("step " + std::to_string(beginning.step), "the checkpoint that they go on from");
  if (ranks.writes()) folder.record(job);
  return train(job, folder, sets, std::move(beginning), ranks, callbacks, stop);
} catch (const EncodingStopped& stopped) {
  return {.step = 0, .stopped = true, .speaks = stopped.speaks, .best = "", .last = ""};
}

bool encode_demonstrations(const FinetuneJob& job, const TrainingCallbacks& all_callbacks,
                           const std::atomic<bool>& stop) try {
  check(job.config);
  if (job.cache.empty()) {
    throw ConfigError({.what = "there is no place for the encoded frames",
                       .where = "cache",
                       .got = "nothing",
                       .expected = "a folder",
                       .next_step = "name one in FinetuneJob::cache, or with --cache"});
  }
  const RunRanks ranks(job.config, job.device);
  const TrainingCallbacks callbacks = ranks.callbacks(all_callbacks);
  const Compute compute = compute_of(job, ranks);
  if (job.config.threads) set_compute_threads(*job.config.threads);
  const auto sets = read_sets(job, callbacks.note);
  LoadedPolicy policy = starting_policy(job, sets, callbacks.note);
  encode(job, job.cache, sets, policy, ranks, compute, callbacks, stop);
  return true;
} catch (const EncodingStopped&) {
  return false;
}

std::optional<FinetuneJob> recorded_job(const std::string& out) {
  const RunFolder folder(out);
  if (!folder.holds_run()) return {};
  return folder.recorded_job<FinetuneJob>();
}

}  // namespace physgen
