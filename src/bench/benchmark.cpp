#include "bench/benchmark.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <istream>
#include <map>
#include <ostream>

#include <unistd.h>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/core/statistics.h>
#include <physgen/device/machine.h>
#include <physgen/vae/frame_encoder.h>

#include "bench/control_rounds.h"
#include "bench/random_policy.h"
#include "bench/session_rounds.h"
#include "bench/shared_steps.h"
#include "bench/stage_times.h"
#include "bench/training_flops.h"
#include "bench/training_steps.h"
#include "core/stopwatch.h"
#include "device/autocast_scope.h"
#include "device/compute_device.h"
#include "device/peak_memory.h"
#include "policy/calibration.h"
#include "train/run_ranks.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

// FLOP/s of the best of some products of two matrices.
double multiply_speed(at::Device device, at::ScalarType dtype) {
  const int64_t side = device.is_cuda() ? 8192 : 2048;
  at::Tensor a = at::randn({side, side}, at::TensorOptions(device)).to(dtype), b = a.clone(), out = at::mm(a, b);
  double best = std::numeric_limits<double>::infinity();
  for (const Stopwatch all; all.milliseconds() < 1500;) {
    wait_for(device);
    const Stopwatch one;
    at::mm_out(out, a, b);
    wait_for(device);
    best = std::min(best, one.milliseconds());
  }
  return 2e3 * std::pow(static_cast<double>(side), 3) / best;
}

// A folder that goes away again.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(fs::temp_directory_path() / ("physgen-bench-" + std::to_string(getpid()))) {}
  ~TemporaryFolder() { fs::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void add_noise_to(NamedTensors& tensors, const LossNoise& noise) {
  tensors.insert(tensors.end(), {{"noise.text_kept", noise.text_kept},
                                 {"noise.known_ids", noise.frame_mask.known_ids},
                                 {"noise.unknown", noise.frame_mask.unknown},
                                 {"noise.frame_noise", noise.frame_noise},
                                 {"noise.frame_timesteps", noise.frame_timesteps},
                                 {"noise.action_noise", noise.action_noise},
                                 {"noise.action_timesteps", noise.action_timesteps}});
}

}  // namespace

struct Benchmark::Subject {
  PolicyOptions how() const {
    return {
        .device = options.device,
        .precision = options.precision.empty() ? std::string(text_of(options.config.precision)) : options.precision};
  }

  explicit Subject(const BenchmarkOptions& given) : options(given), device(compute_device(given.device)) {
    check(options.config);
    config = options.checkpoint.empty() ? random_policy(options.config.model, options.vae, options.config.canvas)
                                        : read_policy_config(options.checkpoint);
    mode = options.checkpoint.empty() ? options.config.mode
           : config.adapter.rank > 0  ? TrainMode::lora
                                      : options.config.mode;
    if (options.config.threads) set_compute_threads(*options.config.threads);
  }

  LoadedPolicy load() const {
    return options.checkpoint.empty() ? random_weights(config) : load_policy(options.checkpoint);
  }

  std::shared_ptr<const Policy> policy() const {
    if (!options.checkpoint.empty()) return Policy::load(options.checkpoint, how());
    const TemporaryFolder folder;
    {
      const LoadedPolicy drawn = random_weights(config);
      save_policy(folder.path(), config, state_dict(*drawn.model), state_dict(*drawn.vae));
      if (how().precision == text_of(Precision::int8)) {
        save_calibration(folder.path(), calibrate(drawn, {random_calibration_window(config)}));
      }
    }
    return Policy::load(folder.path(), how());
  }

  ControlRounds control_rounds() const { return {policy(), config}; }

  // Of the last round before the window is full, and of the first one that slides. A graph's launch has no operations.
  void count_rounds(const std::shared_ptr<const Policy>& policy, StageTimes& growing, StageTimes& sliding) const {
    ControlRounds rounds(policy, config, {.cuda_graphs = false});
    for (int64_t i = 0; i <= config.model.packs; ++i) rounds.count(rounds.slides_next() ? sliding : growing);
  }

  LoadedPolicy trained_policy() const {
    LoadedPolicy policy = load();
    merge_adapters(policy.model);
    for (VisionTransformer encoder : {policy.model->nova->video_encoder, policy.model->nova->image_encoder}) {
      encoder->checkpoint_activations = options.checkpoint_activations;
    }
    return policy;
  }

  TrainingSteps training_steps() const {
    return {trained_policy(), options.config, mode, {device, compute_dtype(options.config.precision, device)}};
  }

  BenchmarkOptions options;
  at::Device device;
  PolicyConfig config;
  TrainMode mode = TrainMode::full;
};

Benchmark::Benchmark(const BenchmarkOptions& options) : subject_(std::make_unique<Subject>(options)) {}
Benchmark::~Benchmark() = default;

MachineSpeed Benchmark::measure_machine() const {
  const at::Device device = subject_->device;
  return {device.str(), at::get_num_threads(), multiply_speed(device, at::kFloat),
          multiply_speed(device, at::kBFloat16)};
}

ControlSpeed Benchmark::measure_control() const {
  const std::shared_ptr<const Policy> policy = subject_->policy();
  ControlRounds rounds(policy, subject_->config);
  reset_peak_memory(subject_->device);
  StageTimes first, growing, sliding;
  rounds.run(first);
  for (int64_t i = 1; i < subject_->options.rounds; ++i) rounds.run(rounds.slides_next() ? sliding : growing);
  const int64_t peak = peak_memory(subject_->device);
  subject_->count_rounds(policy, growing, sliding);
  return {first.median("round"), growing.spreads(), sliding.spreads(), peak};
}

WhenFullSpeed Benchmark::measure_when_full() const {
  constexpr int64_t kWindows = 6;
  const PolicyConfig& config = subject_->config;
  const std::shared_ptr<const Policy> policy = subject_->policy();
  std::map<WhenFull, std::unique_ptr<ControlRounds>> ways;
  for (const auto& [way, name] : choices_of(WhenFull())) {
    if (way == WhenFull::ring && config.model.backbone.position != Position::rope) continue;
    const ControllerOptions options{.when_full = std::string(name)};
    ways[way] = std::make_unique<ControlRounds>(policy, config, options, kWindows);
  }
  StageTimes warm_up, all;
  ControlRounds(policy, config).run(warm_up);
  const int64_t episode = kWindows * config.model.packs;
  for (int64_t i = 0; i < std::max(episode, subject_->options.rounds / episode * episode); ++i) {
    for (const auto& [way, rounds] : ways) {
      StageTimes one;
      rounds->run(one);
      all.add(std::string(text_of(way)), one.median("round"));
    }
  }
  return {episode, all.spreads()};
}

// In turns, as the speed of a machine changes with the time.
SessionSpeed Benchmark::measure_sessions() const {
  constexpr int64_t kTurns = 5;
  const int64_t sessions = subject_->options.sessions, threads = compute_threads();
  const int64_t rounds = std::max<int64_t>(1, subject_->options.rounds / kTurns);
  const std::shared_ptr<const Policy> policy = subject_->policy();
  StageTimes stages;
  const auto batcher = std::make_shared<RoundBatcher>(
      policy, RoundBatcherOptions{
                  .controllers = sessions, .threads = threads, .on_stage = [&](const char* stage, double milliseconds) {
                    stages.add(stage, milliseconds);
                  }});
  const ComputeThreads shared(std::max<int64_t>(1, threads / sessions));
  SessionRounds alone(policy, subject_->config, sessions), together(policy, subject_->config, sessions, batcher);
  std::vector<double> alone_speeds, batched_speeds;
  for (int64_t turn = 0; turn < kTurns; ++turn) {
    alone_speeds.push_back(alone.run(rounds));
    batched_speeds.push_back(together.run(rounds));
  }
  const RoundBatcher::Counts counts = batcher->counts();
  const double batch = static_cast<double>(counts.batched) / static_cast<double>(std::max<int64_t>(1, counts.batches));
  return {sessions, median(alone_speeds), median(batched_speeds), batch, stages.spreads()};
}

TrainingSpeed Benchmark::measure_training(const MachineSpeed& machine) const {
  const FinetuneConfig& config = subject_->options.config;
  TrainingSteps steps = subject_->training_steps();
  reset_peak_memory(subject_->device);
  StageTimes warm_up, times;
  if (subject_->options.steps > 1) steps.run(warm_up);
  for (int64_t i = 0; i < subject_->options.steps; ++i) steps.run(times);
  const double seconds = times.median("step") / 1e3;
  TrainingSpeed speed{.windows = config.batch, .stages = {}};
  speed.windows_per_second = static_cast<double>(config.batch) / seconds;
  speed.flops = training_flops(subject_->config.model, config.loss, subject_->mode, config.batch, steps.known());
  const bool bfloat16 = compute_dtype(config.precision, subject_->device) == at::kBFloat16;
  const double peak = bfloat16 ? machine.bfloat16 : machine.float32;
  speed.share_of_peak = speed.flops / seconds / peak;
  speed.peak_memory = peak_memory(subject_->device);
  if (subject_->options.steps > 1) steps.count(times);
  speed.stages = times.spreads();
  return speed;
}

std::optional<RanksSpeed> Benchmark::measure_ranks() const {
  const RunRanks ranks(subject_->options.config, subject_->options.device);
  if (!ranks.get()) {
    throw ConfigError({.what = "steps that processes share need several of them",
                       .where = "bench --ranks",
                       .got = "one process",
                       .next_step = "pass --nproc 2, or start with torchrun"});
  }
  const at::Device device = compute_device(ranks.device());
  const Compute compute{device, compute_dtype(subject_->options.config.precision, device)};
  const auto steps = [&](const FinetuneConfig& config, Ranks* shared) {
    return std::make_unique<TrainingSteps>(subject_->trained_policy(), config, subject_->mode, compute, shared);
  };
  return compare_shared_steps(subject_->options.config, *ranks.get(), steps, subject_->options.steps);
}

void Benchmark::dump(const std::string& directory) const {
  const at::NoGradGuard no_gradient;
  LoadedPolicy policy = subject_->load();
  merge_adapters(policy.model);
  const ModelConfig& model = subject_->config.model;
  const int64_t windows = subject_->options.config.batch;
  const WindowBatch batch = random_windows(subject_->config, windows);
  const NoiseKey key{.seed = static_cast<uint64_t>(subject_->options.config.seed), .count = windows};
  const LossNoise noise = draw_loss_noise(model, subject_->options.config.loss, key);
  const Losses losses = compute_losses(policy.model, batch, noise, subject_->options.config.loss);
  const at::Tensor frames = random_frames(subject_->config, model.packs);
  NamedTensors tensors = {{"latents", batch.latents},
                          {"frame_valid", batch.frame_valid},
                          {"actions", batch.actions},
                          {"action_valid", batch.action_valid},
                          {"frames", frames},
                          {"expected.observation_loss", losses.observation()},
                          {"expected.action_loss", losses.action()},
                          {"expected.latents", FrameEncoder(policy.vae, at::kCPU, at::kFloat).encode(frames)}};
  if (batch.states.defined()) tensors.emplace_back("states", batch.states);
  add_noise_to(tensors, noise);
  const std::vector<at::Generator> generators = sampling_generators(key);
  const at::Tensor sampling_noise = draw_sampling_noise(model, generators);
  tensors.emplace_back("sampling_noise", sampling_noise);
  tensors.emplace_back("expected.sampled", sample_actions(policy.model, batch, sampling_noise, generators));
  fs::create_directories(directory);
  subject_->config.adapter.rank = 0;
  write_policy_files(directory, subject_->config, state_dict(*policy.model), state_dict(*policy.vae));
  for (auto& [name, tensor] : tensors) tensor = tensor.contiguous();
  save_tensors((fs::path(directory) / "batch.safetensors").string(), tensors);
}

void Benchmark::serve(std::istream& in, std::ostream& out) const {
  TrainingSteps steps = subject_->training_steps();
  ControlRounds rounds = subject_->control_rounds();
  out << "ready\n" << std::flush;
  std::string what;
  for (int64_t count = 0; in >> what >> count;) {
    if (what != "steps" && what != "rounds") {
      throw ConfigError(
          {.what = "unknown request", .where = "standard input", .got = what, .expected = "steps or rounds"});
    }
    StageTimes times;
    const Stopwatch stopwatch;
    const std::clock_t used = std::clock();
    for (int64_t i = 0; i < count; ++i) what == "steps" ? steps.run(times) : rounds.run(times);
    const auto cost = static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC;
    out << stopwatch.seconds() << ' ' << cost << '\n' << std::flush;
  }
}

}  // namespace physgen
