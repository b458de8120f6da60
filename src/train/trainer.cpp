#include <physgen/train/trainer.h>

#include <chrono>
#include <utility>

#include <physgen/device/compute_device.h>
#include <physgen/device/machine.h>
#include <physgen/files/atomic_file.h>
#include <physgen/train/latent_store.h>
#include <physgen/train/metrics_log.h>
#include <physgen/vae/frame_encoder.h>

#include "device/autocast_scope.h"
#include "train/run_folder.h"
#include "train/starting_policy.h"
#include "train/training.h"

namespace physgen {
namespace {

using Clock = std::chrono::steady_clock;

// Ends the encoding of frames when the caller asks to stop.
struct EncodingStopped {};

// A policy, and the step that it was saved at; 0: none yet.
struct Beginning {
  LoadedPolicy policy;
  int64_t step = 0;
};

Beginning begin(const FinetuneJob& job, const RunFolder& folder, const std::vector<DemonstrationSet>& sets,
                std::optional<LoadedPolicy> fresh, const FinetuneReport& report) {
  if (auto found = folder.newest(report.note)) {
    continue_policy(found->policy, job, sets);
    if (report.note) report.note("going on from step " + std::to_string(found->step));
    return {found->policy, found->step};
  }
  return {fresh ? *fresh : starting_policy(job, sets, report.note), 0};
}

// Latents of every dataset. Throws EncodingStopped.
std::vector<LatentStore> encode(const FinetuneJob& job, const RunFolder& folder,
                                const std::vector<DemonstrationSet>& sets, LoadedPolicy& policy, at::Device device,
                                const FinetuneReport& report, const std::atomic<bool>& stop) {
  const LatentRecipe recipe{.canvas = policy.config.canvas,
                            .augmentation = job.config.augmentation,
                            .seed = static_cast<uint64_t>(job.config.seed),
                            .device = device,
                            .dtype = compute_dtype(job.config.precision, device)};
  const auto progress = [&](int64_t frames, int64_t total) {
    if (report.encoding) report.encoding(frames, total);
    if (stop) throw EncodingStopped();
  };
  const std::filesystem::path cache = job.cache.empty() ? folder.cache() : std::filesystem::path(job.cache);
  std::vector<LatentStore> latents;
  for (const DemonstrationSet& set : sets) {
    latents.push_back(open_latent_store(cache, set, policy.vae, recipe, progress));
  }
  return latents;
}

// The steps of a run, and what is kept of them.
class Run {
 public:
  Run(const FinetuneJob& job, const FinetuneReport& report, const RunFolder& folder, Training& training,
      const std::atomic<bool>& stop)
      : config_(job.config),
        report_(report),
        folder_(folder),
        training_(training),
        stop_(stop),
        log_(folder.metrics(), training.step()),
        saved_(training.step()),
        evaluated_(training.step()) {}

  FinetuneResult go() {
    const auto start = Clock::now();
    while (training_.step() < config_.steps && !is_late(start)) {
      step();
      // The last step's checkpoint says that its evaluation is done: this order, at every step.
      const int64_t done = training_.step();
      const bool last = done == config_.steps;
      if (last || done % config_.evaluate_every == 0) evaluate();
      if (last || done % config_.save_every == 0) save();
      if (stop_ && !last) return stopped();
    }
    if (evaluated_ != training_.step()) evaluate();
    if (saved_ != training_.step()) save();
    return result(false);
  }

 private:
  bool is_late(Clock::time_point start) const {
    const std::chrono::duration<double, std::ratio<60>> minutes = Clock::now() - start;
    return config_.max_minutes > 0 && minutes.count() >= config_.max_minutes;
  }

  void step() {
    const StepMetrics metrics = training_.advance();
    log_.write(metrics);
    if (report_.step) report_.step(metrics);
  }

  void evaluate() {
    evaluated_ = training_.step();
    const auto metrics = training_.evaluate();
    if (!metrics) return training_.save(folder_.best(), false);  // nothing to compare by: the newest
    log_.write(*metrics);
    if (report_.evaluation) report_.evaluation(*metrics);
    if (metrics->best) training_.save(folder_.best(), false);
  }

  void save() {
    saved_ = training_.step();
    training_.save(folder_.checkpoint(saved_), true);
    folder_.keep_last(config_.keep_last);
  }

  FinetuneResult stopped() {
    if (saved_ != training_.step()) save();
    return result(true);
  }

  FinetuneResult result(bool was_stopped) const {
    return {.step = training_.step(),
            .stopped = was_stopped,
            .best = folder_.best().string(),
            .last = folder_.checkpoint(saved_).string()};
  }

  const FinetuneConfig& config_;
  const FinetuneReport& report_;
  const RunFolder& folder_;
  Training& training_;
  const std::atomic<bool>& stop_;
  MetricsLog log_;
  int64_t saved_, evaluated_;  // the last steps at which
};

}  // namespace

FinetuneResult finetune(const FinetuneJob& job, const FinetuneReport& report, const std::atomic<bool>& stop) try {
  check(job.config);
  const RunFolder folder(job.out);
  folder.refuse_other_run(job);
  const at::Device device = compute_device(job.device);
  if (job.config.threads > 0) set_compute_threads(job.config.threads);
  const auto sets = read_demonstrations(job.data, job.instruction, job.config.held_out,
                                        static_cast<uint64_t>(job.config.seed), job.config.control_mode);
  std::optional<LoadedPolicy> fresh;
  if (!folder.holds_run()) fresh = starting_policy(job, sets, report.note);

  const RunLock lock(job.out);  // the input is good: from here on the folder is written to
  folder.refuse_other_run(job);
  folder.recover();
  Beginning beginning = begin(job, folder, sets, std::move(fresh), report);
  folder.record(job);
  const auto latents = encode(job, folder, sets, beginning.policy, device, report, stop);
  Training training(job.config, job.weights, beginning.policy, sets, latents, device,
                    compute_dtype(job.config.precision, device));
  if (beginning.step > 0) training.load(folder.checkpoint(beginning.step));
  return Run(job, report, folder, training, stop).go();
} catch (const EncodingStopped&) {
  return {.step = 0, .stopped = true, .best = "", .last = ""};
}

std::optional<FinetuneJob> recorded_job(const std::string& out) {
  const RunFolder folder(out);
  if (!folder.holds_run()) return {};
  return folder.recorded_job();
}

}  // namespace physgen
