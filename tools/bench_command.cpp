#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <physgen/core/config.h>
#include <physgen/train/vae_trainer.h>

#include "bench/benchmark.h"
#include "commands.h"
#include "files/atomic_file.h"
#include "ranks_option.h"
#include "shared_options.h"

namespace physgen {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFullSizeBackbone = "configs/model/nova_osp480.json";

struct BenchOptions {
  std::string config = "configs/maniskill_finetune.json", vae_config = "configs/maniskill_vae.json";
  std::string checkpoint, device = "auto", precision, out, dump;
  int64_t rounds = -1, steps = -1, batch = 0, threads = 0, processes = 1, sessions = 1;
  bool full_size = false, serve = false, ranks = false, when_full = false;
};

// Adapters on the published backbone's sizes, its VAE and its canvas; one window a step.
FinetuneConfig full_size_config() {
  FinetuneConfig config;
  config.model.backbone = read_config<NovaConfig>(ConfigDocument::compose(kFullSizeBackbone));
  config.model.text_encoder = TextEncoder::none;
  config.batch = 1;
  return config;
}

BenchmarkOptions benchmark_of(const BenchOptions& given) {
  BenchmarkOptions options;
  options.checkpoint = given.checkpoint;
  options.device = given.device;
  if (given.full_size) {
    options.config = full_size_config();
  } else {
    options.config = read_config<FinetuneConfig>(ConfigDocument::compose(given.config));
    options.vae = read_config<VaeTrainConfig>(ConfigDocument::compose(given.vae_config)).vae;
  }
  options.checkpoint_activations = given.full_size;
  options.rounds = given.rounds >= 0 ? given.rounds : given.full_size ? 2 * options.config.model.packs : 200;
  const bool acts_alone = given.precision == text_of(Precision::int8);
  options.steps = given.steps >= 0 ? given.steps : acts_alone ? 0 : given.full_size ? 1 : 10;
  options.sessions = given.sessions;
  if (given.batch > 0) options.config.batch = given.batch;
  if (given.threads > 0) options.config.threads = given.threads;
  options.precision = given.precision;
  if (!given.precision.empty() && !acts_alone) {
    options.config.precision = choice_of<Precision>(given.precision, "there is no such precision", "--precision");
  }
  return options;
}

double mebibytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

bool has_operations(const StageSpread& stage) { return stage.eager_operations.has_value(); }

void print_stages(const std::string& title, const std::vector<StageSpread>& stages) {
  if (stages.empty()) return;
  const bool counted = std::any_of(stages.begin(), stages.end(), has_operations);
  fmt::print("{:<26}{:>7}{:>11}{:>11}{:>11}{:>11}{}\n", title, "count", "p50 ms", "p90", "p99", "max",
             counted ? "  eager operations" : "");
  for (const auto& [stage, times, operations] : stages) {
    fmt::print("  {:<24}{:>7}{:>11.2f}{:>11.2f}{:>11.2f}{:>11.2f}{:>18}\n", stage, times.count, times.p50, times.p90,
               times.p99, times.most, operations ? std::to_string(*operations) : "");
  }
}

Json json_of(const std::vector<StageSpread>& stages) {
  Json json = Json::object();
  for (const auto& [stage, times, operations] : stages) {
    json[stage] = {{"count", times.count}, {"p50_ms", times.p50},  {"p90_ms", times.p90},
                   {"p99_ms", times.p99},  {"max_ms", times.most}, {"mean_ms", times.mean}};
    if (operations) json[stage]["eager_operations"] = *operations;
  }
  return json;
}

Json report(const MachineSpeed& machine) {
  fmt::print("{}, {} threads; the best product of large matrices: float32 {:.1f}, bfloat16 {:.1f} GFLOP/s\n\n",
             machine.device, machine.threads, machine.float32 / 1e9, machine.bfloat16 / 1e9);
  return {{"device", machine.device},
          {"threads", machine.threads},
          {"float32_flops", machine.float32},
          {"bfloat16_flops", machine.bfloat16}};
}

Json report(const ControlSpeed& control) {
  print_stages("control, window growing", control.growing);
  print_stages("control, window sliding", control.sliding);
  fmt::print("  first round {:.1f} ms, peak memory {:.0f} MiB\n\n", control.first_round,
             mebibytes(control.peak_memory));
  return {{"first_round_ms", control.first_round},
          {"growing", json_of(control.growing)},
          {"sliding", json_of(control.sliding)},
          {"peak_memory_bytes", control.peak_memory}};
}

Json report(const WhenFullSpeed& speed) {
  print_stages(fmt::format("rounds, {} an episode", speed.episode), speed.rounds);
  fmt::print("  on average:");
  for (const StageSpread& way : speed.rounds) fmt::print(" {} {:.2f} ms", way.stage, way.milliseconds.mean);
  fmt::print("\n\n");
  return {{"episode", speed.episode}, {"rounds", json_of(speed.rounds)}};
}

Json report(const SessionSpeed& speed) {
  print_stages(fmt::format("control, {} sessions", speed.sessions), speed.stages);
  fmt::print("  each alone {:.1f} rounds/s, batched {:.1f} rounds/s: {:.2f} times; {:.1f} rounds a batch\n\n",
             speed.alone, speed.batched, speed.batched / speed.alone, speed.batch);
  return {{"sessions", speed.sessions},
          {"alone_rounds_per_second", speed.alone},
          {"batched_rounds_per_second", speed.batched},
          {"rounds_per_batch", speed.batch},
          {"stages", json_of(speed.stages)}};
}

Json report(const TrainingSpeed& training) {
  print_stages(fmt::format("training, {} windows", training.windows), training.stages);
  fmt::print("  {:.1f} windows/s, {:.1f} GFLOP a step, {:.0f} % of the peak, peak memory {:.0f} MiB\n",
             training.windows_per_second, training.flops / 1e9, 100 * training.share_of_peak,
             mebibytes(training.peak_memory));
  return {{"windows", training.windows},
          {"stages", json_of(training.stages)},
          {"windows_per_second", training.windows_per_second},
          {"flops", training.flops},
          {"share_of_peak", training.share_of_peak},
          {"peak_memory_bytes", training.peak_memory}};
}

Json report(const RanksSpeed& ranks) {
  const int64_t share = ranks.windows / ranks.ranks;
  print_stages(fmt::format("alone, {} windows", share), ranks.alone);
  print_stages(fmt::format("{} ranks, {} windows", ranks.ranks, ranks.windows), ranks.together);
  print_stages("gradients of a step", ranks.sums);
  fmt::print("  efficiency {:.1f} %", 100 * ranks.efficiency);
  if (ranks.buckets > 0) fmt::print(", {} sums of gradients, {:.0f} % hidden", ranks.buckets, 100 * ranks.hidden);
  fmt::print("\n");
  return {{"ranks", ranks.ranks},           {"windows", ranks.windows},
          {"alone", json_of(ranks.alone)},  {"together", json_of(ranks.together)},
          {"efficiency", ranks.efficiency}, {"sums", json_of(ranks.sums)},
          {"buckets", ranks.buckets},       {"hidden", ranks.hidden}};
}

void write_report(const std::string& file, const Json& json) {
  if (!file.empty()) write_file_atomically(file, json.dump(2) + "\n");
}

// Processes together; the first of them speaks.
void bench_ranks(const BenchOptions& given, const BenchmarkOptions& options) {
  begin_ranks(given.processes);
  const auto speed = Benchmark(options).measure_ranks();
  if (speed) write_report(given.out, {{"ranks", report(*speed)}});
}

void bench_command(const BenchOptions& given) {
  const BenchmarkOptions options = benchmark_of(given);
  if (given.ranks) return bench_ranks(given, options);
  const Benchmark benchmark(options);
  if (!given.dump.empty()) return benchmark.dump(given.dump);
  if (given.serve) return benchmark.serve(std::cin, std::cout);
  Json json;
  const MachineSpeed machine = benchmark.measure_machine();
  json["machine"] = report(machine);
  std::fflush(stdout);  // what follows may take minutes
  if (given.when_full) json["when_full"] = report(benchmark.measure_when_full());
  if (options.rounds > 0 && given.sessions == 1) json["control"] = report(benchmark.measure_control());
  if (options.rounds > 0 && given.sessions > 1) json["sessions"] = report(benchmark.measure_sessions());
  std::fflush(stdout);
  if (options.steps > 0) json["training"] = report(benchmark.measure_training(machine));
  write_report(given.out, json);
}

}  // namespace

void add_bench_command(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* bench = app.add_subcommand("bench", "Measure control rounds and training steps on this machine");
  bench->add_option("--config", options->config, "JSON file of the run's settings, as of finetune")
      ->capture_default_str();
  bench->add_option("--vae-config", options->vae_config, "JSON file of the VAE's settings, as of train-vae")
      ->capture_default_str();
  bench->add_option("--checkpoint", options->checkpoint, "Policy to measure; without it, the weights are random");
  bench->add_flag("--full-size", options->full_size, "Adapters on the published backbone's sizes, one window a step");
  add_device_option(*bench, options->device);
  bench->add_option("--rounds", options->rounds, "Control rounds to measure; 0: none")->check(CLI::NonNegativeNumber);
  bench
      ->add_option("--sessions", options->sessions,
                   "Sessions at the same time, of --rounds each; more than 1: each alone and batched, in turns")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  bench->add_flag("--when-full", options->when_full,
                  "Rounds of long episodes too, by what becomes of a full window, in turns");
  bench->add_option("--steps", options->steps, "Training steps to measure; 0: none")->check(CLI::NonNegativeNumber);
  bench->add_option("--batch", options->batch, "Windows a step")->check(CLI::PositiveNumber);
  add_threads_option(*bench, options->threads);
  bench
      ->add_option("--precision", options->precision,
                   "auto, float32 or bfloat16, of training and control, or int8, of control alone; auto: control but "
                   "for the VAE is float32")
      ->check(CLI::IsMember(texts_of<Precision>()));
  CLI::Option* ranks =
      bench->add_flag("--ranks", options->ranks,
                      "Steps that several processes share, beside those of one alone with its share of them");
  add_ranks_option(*bench, options->processes)->needs(ranks);
  bench->add_option("--out", options->out, "JSON file to write");
  bench->add_option("--dump", options->dump,
                    "Folder to write weights, a batch and the results to; nothing is measured then");
  bench->add_flag("--serve", options->serve, "Answer \"steps N\" and \"rounds N\" on standard input with seconds");
  bench->callback([=] { bench_command(*options); });
}

}  // namespace physgen
