#include <physgen/bench/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <istream>
#include <ostream>

#include <unistd.h>

#include <torch/torch.h>

#include <physgen/bench/training_flops.h>
#include <physgen/core/error.h>
#include <physgen/device/compute_device.h>
#include <physgen/device/machine.h>
#include <physgen/device/peak_memory.h>
#include <physgen/train/ema.h>
#include <physgen/train/optimizer.h>
#include <physgen/vae/frame_encoder.h>

#include "bench/made_up_policy.h"
#include "device/autocast_scope.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void wait_for(at::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

// The times of each stage, in the order in which the stages were first seen.
class StageTimes {
 public:
  void add(const std::string& stage, double milliseconds) {
    auto found = std::find_if(times_.begin(), times_.end(), [&](const auto& item) { return item.first == stage; });
    if (found == times_.end()) found = times_.insert(times_.end(), {stage, {}});
    found->second.push_back(milliseconds);
  }

  std::vector<StageSpread> spreads() const {
    std::vector<StageSpread> spreads;
    for (const auto& [stage, times] : times_) spreads.push_back({stage, spread_of(times)});
    return spreads;
  }

  double median(const std::string& stage) const {
    for (const auto& [name, times] : times_) {
      if (name == stage) return spread_of(times).p50;
    }
    return 0;
  }

 private:
  std::vector<std::pair<std::string, std::vector<double>>> times_;
};

// FLOP/s of the best of some products of two matrices.
double multiply_speed(at::Device device, at::ScalarType dtype) {
  const int64_t side = device.is_cuda() ? 8192 : 2048;
  at::Tensor a = at::randn({side, side}, at::TensorOptions(device)).to(dtype), b = a.clone(), out = at::mm(a, b);
  double best = std::numeric_limits<double>::infinity();
  for (const auto start = Clock::now(); milliseconds_since(start) < 1500;) {
    wait_for(device);
    const auto begin = Clock::now();
    at::mm_out(out, a, b);
    wait_for(device);
    best = std::min(best, milliseconds_since(begin));
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

// Control rounds, episode after episode of twice a window.
class ControlRounds {
 public:
  ControlRounds(std::shared_ptr<const Policy> policy, const PolicyConfig& config)
      : policy_(std::move(policy)), config_(config), controller_(policy_, watched()) {
    for (uint64_t i = 0; i < 4; ++i) observations_.push_back(made_up_observation(config_, i));
  }

  // Of the next round: a pack will leave the window in it.
  bool slides_next() const { return round_ % (2 * config_.model.packs) >= config_.model.packs; }

  // One round; its stages are added to `times` with the whole as "round".
  void run(StageTimes& times) {
    if (round_ == 2 * config_.model.packs) round_ = 0;
    if (round_ == 0) controller_.reset(policy_->instruction(), ++episode_);
    stages_.clear();
    const auto start = Clock::now();
    const Matrix chunk = controller_.act(observations_[round_ % observations_.size()], executed_);
    stages_.emplace_back("round", milliseconds_since(start));
    for (const auto& [stage, time] : stages_) times.add(stage, time);
    ++round_;
    executed_ = chunk.topRows(policy_->execute());
  }

  ControlRounds(const ControlRounds&) = delete;
  ControlRounds& operator=(const ControlRounds&) = delete;

 private:
  ControllerOptions watched() {
    ControllerOptions options;
    options.on_stage = [this](const char* stage, double time) { stages_.emplace_back(stage, time); };
    return options;
  }

  std::shared_ptr<const Policy> policy_;
  PolicyConfig config_;
  std::vector<std::pair<std::string, double>> stages_;
  Controller controller_;
  std::vector<Observation> observations_;
  Matrix executed_;
  int64_t round_ = 0;
  uint64_t episode_ = 0;
};

// The training recipe on one batch that stays the same.
class TrainingSteps {
 public:
  TrainingSteps(PhysGenModel model, const PolicyConfig& policy, const FinetuneConfig& config, TrainMode mode,
                at::Device device)
      : config_(config),
        device_(device),
        model_(std::move(model)),
        batch_(made_up_batch(policy, config.batch, device)),
        optimizer_(prepared(mode), {.betas = config.optimizer.betas, .weight_decay = config.optimizer.weight_decay}),
        ema_(trained(), config.ema_decay) {}

  // One step; its stages are added to `times` with the whole as "step".
  void run(StageTimes& times) {
    const auto begin = Clock::now();
    auto start = begin;
    const auto lap = [&](const char* stage) {
      wait_for(device_);
      times.add(stage, milliseconds_since(start));
      start = Clock::now();
    };
    const LossNoise noise = draw_loss_noise(model_->config(), config_.loss, config_.batch,
                                            benchmark_generator(Stream::noise, ++step_), device_);
    if (config_.loss.observation) known_ = noise.frame_mask.known_ids.size(1);
    lap("noise");
    at::Tensor loss = loss_of(noise);
    lap("forward");
    loss.backward();
    lap("backward");
    clip_gradients(optimizer_.parameters(), config_.optimizer.clip_norm);
    optimizer_.step(config_.optimizer.learning_rate.peak);
    optimizer_.clear_gradients();
    ema_.update(step_);
    lap("optimizer");
    times.add("step", milliseconds_since(begin));
  }

  int64_t known() const { return known_; }

 private:
  std::vector<OptimizedParameter> prepared(TrainMode mode) {
    prepare_training(model_, mode, config_.lora_rank, config_.lora_alpha);
    model_->to(device_);
    model_->train();
    return optimized_parameters(*model_);
  }

  NamedTensors trained() const {
    NamedTensors tensors;
    for (const auto& item : optimizer_.parameters()) tensors.emplace_back(item.name, item.parameter);
    return tensors;
  }

  at::Tensor loss_of(const LossNoise& noise) {
    const AutocastScope autocast(device_, compute_dtype(config_.precision, device_));
    const Losses losses = compute_losses(model_, batch_, noise, config_.loss);
    return losses.observation() + losses.action();
  }

  FinetuneConfig config_;
  at::Device device_;
  PhysGenModel model_;
  WindowBatch batch_;
  AdamW optimizer_;
  Ema ema_;
  int64_t step_ = 0;
  int64_t known_ = 0;
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

Spread spread_of(std::vector<double> times) {
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  const auto count = static_cast<int64_t>(times.size());
  auto at_share = [&](double share) {
    const auto rank = static_cast<int64_t>(std::ceil(share * static_cast<double>(count)));
    return times[std::clamp<int64_t>(rank, 1, count) - 1];
  };
  return {count, at_share(0.5), at_share(0.9), at_share(0.99), times.back()};
}

struct Benchmark::Subject {
  PolicyOptions how() const {
    return {.device = options.device,
            .precision = std::string(names_of(Precision{})[static_cast<size_t>(options.config.precision)])};
  }

  explicit Subject(const BenchmarkOptions& given) : options(given), device(compute_device(given.device)) {
    check(options.config);
    config = options.checkpoint.empty() ? made_up_policy(options.config.model, options.vae, options.config.canvas)
                                        : read_policy_config(options.checkpoint);
    mode = options.checkpoint.empty() ? options.config.mode
           : config.adapter.rank > 0  ? TrainMode::lora
                                      : options.config.mode;
    if (options.config.threads > 0) set_compute_threads(options.config.threads);
  }

  LoadedPolicy load() const {
    return options.checkpoint.empty() ? made_up_weights(config) : load_policy(options.checkpoint);
  }

  ControlRounds control_rounds() const {
    if (!options.checkpoint.empty()) return {Policy::load(options.checkpoint, how()), config};
    const TemporaryFolder folder;
    {
      const LoadedPolicy made_up = made_up_weights(config);
      save_policy(folder.path(), config, state_dict(*made_up.model), state_dict(*made_up.vae));
    }
    return {Policy::load(folder.path(), how()), config};
  }

  TrainingSteps training_steps() const {
    LoadedPolicy policy = load();
    merge_adapters(policy.model);
    for (VisionTransformer encoder : {policy.model->nova->video_encoder, policy.model->nova->image_encoder}) {
      encoder->checkpoint_activations = options.checkpoint_activations;
    }
    return {policy.model, config, options.config, mode, device};
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
  ControlRounds rounds = subject_->control_rounds();
  reset_peak_memory(subject_->device);
  StageTimes first, growing, sliding;
  rounds.run(first);
  for (int64_t i = 1; i < subject_->options.rounds; ++i) rounds.run(rounds.slides_next() ? sliding : growing);
  return {first.median("round"), growing.spreads(), sliding.spreads(), peak_memory(subject_->device)};
}

TrainingSpeed Benchmark::measure_training(const MachineSpeed& machine) const {
  const FinetuneConfig& config = subject_->options.config;
  TrainingSteps steps = subject_->training_steps();
  reset_peak_memory(subject_->device);
  StageTimes warm_up, times;
  if (subject_->options.steps > 1) steps.run(warm_up);
  for (int64_t i = 0; i < subject_->options.steps; ++i) steps.run(times);
  const double seconds = times.median("step") / 1e3;
  TrainingSpeed speed{.windows = config.batch, .stages = times.spreads()};
  speed.windows_per_second = static_cast<double>(config.batch) / seconds;
  speed.flops = training_flops(subject_->config.model, config.loss, subject_->mode, config.batch, steps.known());
  const bool bfloat16 = compute_dtype(config.precision, subject_->device) == at::kBFloat16;
  const double peak = bfloat16 ? machine.bfloat16 : machine.float32;
  speed.share_of_peak = speed.flops / seconds / peak;
  speed.peak_memory = peak_memory(subject_->device);
  return speed;
}

void Benchmark::dump(const std::string& directory) const {
  const at::NoGradGuard no_gradient;
  LoadedPolicy policy = subject_->load();
  merge_adapters(policy.model);
  const ModelConfig& model = subject_->config.model;
  const int64_t windows = subject_->options.config.batch;
  const WindowBatch batch = made_up_batch(subject_->config, windows, at::kCPU);
  const LossNoise noise =
      draw_loss_noise(model, subject_->options.config.loss, windows, benchmark_generator(Stream::noise), at::kCPU);
  const Losses losses = compute_losses(policy.model, batch, noise, subject_->options.config.loss);
  const at::Tensor frames = made_up_frames(subject_->config, model.packs);
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
  const int64_t tokens = policy.model->action_head->tokens();
  tensors.emplace_back("sampling_noise", at::randn({windows * model.packs, tokens, model.codec.action_width},
                                                   benchmark_generator(Stream::rollout)));
  tensors.emplace_back("expected.sampled", sample_actions(policy.model, batch, benchmark_generator(Stream::rollout)));
  fs::create_directories(directory);
  subject_->config.adapter.rank = 0;
  write_policy_files(directory, subject_->config, state_dict(*policy.model), state_dict(*policy.vae));
  for (auto& [name, tensor] : tensors) tensor = tensor.contiguous();
  save_tensors((fs::path(directory) / "batch.safetensors").string(), tensors);
}

void Benchmark::serve(std::istream& in, std::ostream& out) const {
  TrainingSteps steps = subject_->training_steps();
  ControlRounds rounds = subject_->control_rounds();
  out << "ready" << std::endl;
  std::string what;
  for (int64_t count = 0; in >> what >> count;) {
    if (what != "steps" && what != "rounds") {
      throw ConfigError(
          {.what = "unknown request", .where = "standard input", .got = what, .expected = "steps or rounds"});
    }
    StageTimes times;
    const auto start = Clock::now();
    const std::clock_t used = std::clock();
    for (int64_t i = 0; i < count; ++i) what == "steps" ? steps.run(times) : rounds.run(times);
    const auto cost = static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC;
    out << milliseconds_since(start) / 1e3 << ' ' << cost << std::endl;
  }
}

}  // namespace physgen
