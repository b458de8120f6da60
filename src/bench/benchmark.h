#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <physgen/train/finetune_config.h>
#include <physgen/vae/vae_config.h>

namespace physgen {

/// Quantiles of times, in milliseconds.
struct Spread {
  int64_t count = 0;
  double p50 = 0, p90 = 0, p99 = 0, most = 0;
  double mean = 0;
};

/// The quantiles and the mean of some times in any order, interpolated; zeros of none.
Spread spread_of(std::vector<double> milliseconds);

/// One part of what is repeated, or the whole of it.
struct StageSpread {
  std::string stage;
  Spread milliseconds;
  /// What LibTorch is asked to compute in one, counted without CUDA graphs in another one that is not timed: operators
  /// that are called, but for views, and hand-written kernels. Empty: not counted.
  std::optional<int64_t> eager_operations = {};
};

/// How fast the machine multiplies large matrices, in FLOP/s: the measure for everything else.
struct MachineSpeed {
  std::string device;
  int64_t threads = 0;
  double float32 = 0, bfloat16 = 0;
};

/// Control rounds of a policy: a frame in, a chunk of actions out.
struct ControlSpeed {
  double first_round = 0;            ///< milliseconds: memory and libraries are warmed up in it
  std::vector<StageSpread> growing;  ///< later rounds while the window grows
  std::vector<StageSpread> sliding;  ///< rounds in which the oldest pack leaves the window
  int64_t peak_memory = 0;           ///< bytes, of the device; on the CPU the process's resident memory
};

/// Control rounds of long episodes, by what becomes of a window that is full.
struct WhenFullSpeed {
  int64_t episode = 0;              ///< rounds of one: six windows
  std::vector<StageSpread> rounds;  ///< "exact", "restart", and "ring" for a policy with rotary positions
};

/// Control rounds of several sessions of one policy at the same time, a thread each, whose robots take no time.
struct SessionSpeed {
  int64_t sessions = 0;
  double alone = 0;    ///< rounds a second of all together where each computes its own on its share of threads
  double batched = 0;  ///< ... where they are computed together, on all threads
  double batch = 0;    ///< rounds of a batch, in the mean
  std::vector<StageSpread> stages;  ///< of a batch
};

/// Optimiser steps on a batch of random windows.
struct TrainingSpeed {
  int64_t windows = 0;  ///< a step
  std::vector<StageSpread> stages;
  double windows_per_second = 0;  ///< at the median step
  double flops = 0;               ///< a step, see training_flops.h
  double share_of_peak = 0;       ///< flops a second over the machine's in the precision that was used
  int64_t peak_memory = 0;        ///< bytes
};

/// Optimiser steps that several processes share, beside those of the first of them alone with as many windows as each
/// has of the shared ones: in turn, some of these and some of those.
struct RanksSpeed {
  int64_t ranks = 0;
  int64_t windows = 0;                       ///< a shared step, of all ranks
  std::vector<StageSpread> alone, together;  ///< of the first rank
  double efficiency = 0;                     ///< the median step alone over the median shared one
  /// Of a backward pass, milliseconds: when the first sum of gradients began ("first sum") and the last gradient was
  /// there ("last gradient"), how long sums ran ("sums"), and how long of that before the last gradient ("hidden").
  /// Empty on GPUs.
  std::vector<StageSpread> sums;
  int64_t buckets = 0;  ///< sums of gradients a step
  double hidden = 0;    ///< median share of the sums' time that lies before the last gradient
};

/// What is measured, and how long.
struct BenchmarkOptions {
  FinetuneConfig config;   ///< the model, the batch and the recipe; of a checkpoint the recipe alone
  VaeConfig vae;           ///< of a policy with random weights
  std::string checkpoint;  ///< a policy, or empty: random weights
  std::string device = "auto";
  /// Of control, as PolicyOptions::precision; empty: that of the recipe. In int8 a policy with random weights is
  /// calibrated with random frames first.
  std::string precision = {};
  int64_t rounds = 100;                 ///< of each session
  int64_t sessions = 4;                 ///< of `measure_sessions`
  int64_t steps = 10;                   ///< after one that warms up, unless it is a single one
  bool checkpoint_activations = false;  ///< of the backbone, in training (see activation_checkpoint.h)
};

/// Measures a policy on this machine.
class Benchmark {
 public:
  /// Throws ConfigError for what does not go together and a device that is not there, and as `load_policy` does.
  explicit Benchmark(const BenchmarkOptions& options);
  ~Benchmark();

  MachineSpeed measure_machine() const;
  ControlSpeed measure_control() const;
  /// In turns, a round of each way; the first rounds, as many as windows have packs, are part of it.
  WhenFullSpeed measure_when_full() const;
  SessionSpeed measure_sessions() const;
  TrainingSpeed measure_training(const MachineSpeed& machine) const;

  /// To be called by each of the processes that torchrun or Slurm began together. Only the first gets numbers. Throws
  /// ConfigError where this process is alone, where the batch does not divide among them, and as `finetune` does.
  std::optional<RanksSpeed> measure_ranks() const;

  /// Writes what another implementation needs to compute the same: config.json, model.safetensors, vae.safetensors and
  /// batch.safetensors (a batch, its noise, frames, and under "expected." the losses, latents and sampled actions in
  /// float32). Throws Error.
  void dump(const std::string& directory) const;

  /// Answers "steps N" and "rounds N", a line each, with the seconds that N of them took and the CPU seconds that they
  /// cost, until the input ends. Says "ready" first. Throws ConfigError for another request.
  void serve(std::istream& in, std::ostream& out) const;

 private:
  struct Subject;
  std::unique_ptr<Subject> subject_;
};

}  // namespace physgen
