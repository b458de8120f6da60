#include <physgen/train/vae_trainer.h>

#include <torch/torch.h>

#include <physgen/data/demonstration_dataset.h>
#include <physgen/device/machine.h>
#include <physgen/files/manifest.h>
#include <physgen/layers/initialization.h>

#include "core/random.h"
#include "data/demonstration_search.h"
#include "device/autocast_scope.h"
#include "device/compute_device.h"
#include "files/atomic_file.h"
#include "files/sha256.h"
#include "train/demonstrations.h"
#include "train/run_ranks.h"
#include "train/training_run.h"
#include "train/vae_training.h"
#include "vae/vae_checkpoint.h"

namespace physgen {
namespace {

constexpr double kFirstLogVariance = -6;  // a posterior that starts wide drowns what the decoder should learn from

CausalVae new_vae(const VaeTrainConfig& config) {
  CausalVae vae(config.vae);
  const uint64_t seed = mixed_seed(static_cast<uint64_t>(config.seed), Stream::weights);
  initialize(*vae, at::detail::createCPUGenerator(seed));
  const at::NoGradGuard no_gradient;
  vae->quant_conv->bias.slice(0, config.vae.latent_channels).fill_(kFirstLogVariance);
  return vae;
}

// The VAE that the run goes on with, and the step that it was saved at; 0: a new one.
std::pair<CausalVae, int64_t> begin(const VaeJob& job, const RunFolder& folder, const TrainingCallbacks& callbacks) {
  CausalVae vae(nullptr);
  const auto load = [&](const std::filesystem::path& checkpoint) { vae = load_vae(checkpoint); };
  const std::optional<int64_t> step = folder.load_newest(load, callbacks.note);
  if (!step) return {new_vae(job.config), 0};
  if (callbacks.note) callbacks.note("going on from step " + std::to_string(*step));
  vae->train();
  return {vae, *step};
}

}  // namespace

// What may not differ between a run and its continuation.
static std::string identity_of(VaeJob job) {
  clear_free_fields(job.config);
  job.command.clear();
  job.origins.clear();
  job.data.clear();  // what they hold is compared, not where they lie
  return write_config(job);
}

void check(const VaeTrainConfig& config) {
  check(static_cast<const RunConfig&>(config));
  check(config.vae);
  check(config.canvas, "canvas");
  if (config.held_out <= 0) {
    throw ConfigError({.what = "a VAE is judged by frames that it has not seen",
                       .where = "held_out",
                       .got = "0",
                       .expected = "a share above 0"});
  }
  const int64_t stride = config.vae.stride();
  if (config.canvas.height % stride == 0 && config.canvas.width % stride == 0) return;
  throw ConfigError({.what = "the VAE cannot halve the canvas down to its latents",
                     .where = "canvas",
                     .got = std::to_string(config.canvas.height) + " x " + std::to_string(config.canvas.width),
                     .expected = "sides that are multiples of " + std::to_string(stride),
                     .next_step = "change canvas.height and canvas.width, or vae.widths"});
}

TrainingResult train_vae(VaeJob job, const TrainingCallbacks& all_callbacks, const std::atomic<bool>& stop) {
  check(job.config);
  const RunRanks ranks(job.config, job.device);
  const TrainingCallbacks callbacks = ranks.callbacks(all_callbacks);
  job.resume = job.resume || ranks.restarted();
  job.data_sha256 = sha256_of_text(hashes_of_demonstrations(find_demonstrations(job.data).files));
  const RunFolder folder(job.out);
  folder.refuse_other_run(job);
  const at::Device device = compute_device(ranks.device());
  const Compute compute{device, compute_dtype(job.config.precision, device)};
  if (job.config.threads) set_compute_threads(*job.config.threads);
  const DemonstrationDataset dataset(job.data, "no instruction is read", job.resample);
  note_left_out(dataset, callbacks.note);
  FramePool pool = read_frames(dataset, job.config.canvas, job.config.held_out, job.config.max_frames);

  ranks.require_same(identity_of(job), "the job");
  const auto lock = claim_folder(folder, job, ranks, callbacks);
  const auto [vae, step] = begin(job, folder, callbacks);
  ranks.require_same("step " + std::to_string(step), "the checkpoint that they go on from");
  if (ranks.writes()) folder.record(job);
  VaeTraining trainable(job.config, vae, std::move(pool), compute);
  Training training(job.config, std::nullopt, trainable, {device, at::kFloat},
                    ranks.get());  // the VAE casts for itself
  if (step > 0) training.load(folder.checkpoint(step));
  return run_training(job.config, training, folder, callbacks, stop);
}

std::optional<VaeJob> recorded_vae_job(const std::string& out) {
  const RunFolder folder(out);
  if (!folder.holds_run()) return {};
  return folder.recorded_job<VaeJob>();
}

}  // namespace physgen
