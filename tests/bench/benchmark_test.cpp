
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>
#include <thread>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/policy/policy_checkpoint.h>

#include "bench/benchmark.h"
#include "bench/operation_count.h"
#include "bench/training_flops.h"
#include "device/int8.h"
#include "device/peak_memory.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/test_device.h"
#include "support/tiny_model.h"

namespace physgen {
namespace {

BenchmarkOptions tiny_benchmark() {
  BenchmarkOptions options;
  options.config.model = tiny_model_config();
  options.config.canvas = {.cameras = {"render_camera"}, .height = 16, .width = 16};
  options.config.batch = 2;
  options.config.mode = TrainMode::full;
  options.config.precision = Precision::float32;
  options.vae = {.widths = {8, 8},
                 .layers_per_block = 1,
                 .decoder_layers_per_block = 1,
                 .norm_groups = 4,
                 .latent_channels = 2,
                 .time_taps = 1};
  options.device = test_device_name();
  options.rounds = 9;
  options.steps = 3;
  return options;
}

std::vector<std::string> names_of_stages(const std::vector<StageSpread>& stages) {
  std::vector<std::string> names;
  for (const StageSpread& stage : stages) names.push_back(stage.stage);
  return names;
}

TEST(SpreadOf, TakesQuantilesOfTimesInAnyOrder) {
  std::vector<double> times;
  for (int i = 100; i >= 0; --i) times.push_back(i);
  const Spread spread = spread_of(times);
  EXPECT_EQ(spread.count, 101);
  EXPECT_EQ(spread.p50, 50);
  EXPECT_EQ(spread.p90, 90);
  EXPECT_EQ(spread.p99, 99);
  EXPECT_EQ(spread.most, 100);
  EXPECT_EQ(spread_of({3}).p99, 3);
  EXPECT_EQ(spread_of({}).count, 0);
}

TEST(Benchmark, MeasuresControlInInt8OfAPolicyThatItCalibrates) {
  if (!multiplies_bytes()) GTEST_SKIP() << "this CPU does not multiply bytes";
  BenchmarkOptions options = tiny_benchmark();
  options.device = "cpu";
  options.precision = "int8";
  const ControlSpeed control = Benchmark(options).measure_control();
  EXPECT_EQ(control.growing.back().milliseconds.count + control.sliding.back().milliseconds.count, 8);
}

TEST(TrainingFlops, CountTheMatricesOfATinyModelByHand) {
  // One window of a causal transformer of 2 blocks, width 32, over 3 + 3 x (2 x 2 + 4) = 27 tokens.
  const double rows = 27, block = 2 * rows * 12 * 32 * 32 + 4 * rows * 27 * 32;
  ModelConfig model = tiny_model_config();
  const LossConfig loss{.timesteps = 2, .observation = false, .action = false};
  EXPECT_DOUBLE_EQ(training_flops(model, loss, TrainMode::full, 1, 0), 3 * 2 * block);
  EXPECT_DOUBLE_EQ(training_flops(model, loss, TrainMode::lora, 1, 0), 2 * 2 * block);
}

TEST(TrainingFlops, GrowWithTheWindowsAndShrinkWithTheKnownPatches) {
  const ModelConfig model = tiny_model_config();
  const LossConfig loss;
  const double one = training_flops(model, loss, TrainMode::full, 1, 2);
  EXPECT_DOUBLE_EQ(training_flops(model, loss, TrainMode::full, 3, 2), 3 * one);
  EXPECT_LT(training_flops(model, loss, TrainMode::full, 1, 4), one);
}

TEST(PeakMemory, SeesWhatWasHeldSinceItsReset) {
  reset_peak_memory(at::kCPU);
  const int64_t before = peak_memory(at::kCPU);
  at::ones({64 << 20}, at::kByte);
  EXPECT_GE(peak_memory(at::kCPU) - before, 60 << 20);
}

TEST(Benchmark, TellsRoundsOfAGrowingWindowFromThoseOfASlidingOne) {
  const ControlSpeed speed = Benchmark(tiny_benchmark()).measure_control();
  const std::vector<std::string> stages = {"canvas", "encode", "append", "denoise", "actions", "round"};
  EXPECT_EQ(names_of_stages(speed.growing), stages);
  EXPECT_EQ(names_of_stages(speed.sliding), stages);
  // Episodes of 6 rounds: 3 grow (the very first stands apart), 3 slide.
  EXPECT_EQ(speed.growing.back().milliseconds.count, 2 + 3);
  EXPECT_EQ(speed.sliding.back().milliseconds.count, 3);
  EXPECT_GT(speed.first_round, 0);
  EXPECT_GT(speed.peak_memory, 0);
}

/// The operations of each stage, all of which were counted.
std::map<std::string, int64_t> operations_of(const std::vector<StageSpread>& stages) {
  std::map<std::string, int64_t> operations;
  for (const StageSpread& stage : stages) operations[stage.stage] = stage.eager_operations.value_or(-1);
  return operations;
}

TEST(Benchmark, CountsTheOperationsOfARoundByStage) {
  const ControlSpeed speed = Benchmark(tiny_benchmark()).measure_control();
  for (const std::vector<StageSpread>& stages : {speed.growing, speed.sliding}) {
    std::map<std::string, int64_t> operations = operations_of(stages);
    EXPECT_EQ(operations["canvas"], 0) << "pictures are no tensors";
    for (const char* stage : {"encode", "append", "denoise"}) EXPECT_GT(operations[stage], 5) << stage;
    EXPECT_EQ(operations["round"], operations["canvas"] + operations["encode"] + operations["append"] +
                                       operations["denoise"] + operations["actions"]);
  }
  EXPECT_EQ(operations_of(speed.growing)["encode"], operations_of(speed.sliding)["encode"]);
  EXPECT_EQ(operations_of(speed.growing)["denoise"], operations_of(speed.sliding)["denoise"]);

  BenchmarkOptions twice = tiny_benchmark();
  twice.config.model.head.denoising_steps *= 2;
  const int64_t once = operations_of(speed.sliding)["denoise"];
  const int64_t both = operations_of(Benchmark(twice).measure_control().sliding)["denoise"];
  EXPECT_GT(both, 1.5 * static_cast<double>(once)) << once;
  EXPECT_LE(both, 2 * once);
}

TEST(OperationCount, CountsWhatIsComputedOnceAndNoViews) {
  const at::Tensor x = torch::ones({4, 6}, at::requires_grad()), weight = at::ones({6, 6}), bias = at::ones({6});
  OperationCount count;
  EXPECT_EQ(count.take(), 0);
  const at::Tensor y = at::linear(x, weight, bias);  // an operator that calls others
  EXPECT_EQ(count.take(), 1);
  at::empty({3});
  x.view({6, 4}).transpose(0, 1).slice(0, 1, 2);
  x.to(at::kFloat).contiguous().reshape({24});
  EXPECT_EQ(count.take(), 0) << "nothing was computed";
  x.transpose(0, 1).reshape({24});
  EXPECT_EQ(count.take(), 1) << "a copy";
  std::jthread([] { at::ones({2}).add_(1); }).join();
  EXPECT_EQ(count.take(), 0) << "another thread's";
  const at::Tensor loss = y.square().sum();
  EXPECT_EQ(count.take(), 2);
  loss.backward();
  EXPECT_GE(count.take(), 3) << "of the sum, the square and the product";
}

TEST(Benchmark, MeasuresRoundsByWhatBecomesOfAFullWindow) {
  BenchmarkOptions options = tiny_benchmark();
  options.rounds = 1;
  const WhenFullSpeed speed = Benchmark(options).measure_when_full();
  EXPECT_EQ(names_of_stages(speed.rounds), (std::vector<std::string>{"exact", "restart"}));
  for (const StageSpread& way : speed.rounds) {
    EXPECT_EQ(way.milliseconds.count, speed.episode);
    EXPECT_GT(way.milliseconds.mean, 0);
    EXPECT_LE(way.milliseconds.mean, way.milliseconds.most);
  }
}

TEST(Benchmark, MeasuresSessionsEachAloneAndBatched) {
  BenchmarkOptions options = tiny_benchmark();
  options.sessions = 3;
  options.rounds = 10;
  const SessionSpeed speed = Benchmark(options).measure_sessions();
  EXPECT_EQ(names_of_stages(speed.stages), (std::vector<std::string>{"encode", "append", "denoise"}));
  EXPECT_GT(speed.alone, 0);
  EXPECT_GT(speed.batched, 0);
  EXPECT_GE(speed.batch, 2);
  EXPECT_LE(speed.batch, 3);
}

TEST(Benchmark, MeasuresTrainingStepsByStage) {
  const MachineSpeed machine{.device = "cpu", .threads = 1, .float32 = 1e9, .bfloat16 = 1e9};
  const TrainingSpeed speed = Benchmark(tiny_benchmark()).measure_training(machine);
  EXPECT_EQ(names_of_stages(speed.stages),
            (std::vector<std::string>{"batch", "forward", "backward", "optimizer", "step"}));
  EXPECT_EQ(speed.stages.back().milliseconds.count, 3);
  std::map<std::string, int64_t> operations = operations_of(speed.stages);
  EXPECT_EQ(operations["batch"], 0) << "it is made ahead, by another thread";
  for (const char* stage : {"forward", "backward", "optimizer"}) EXPECT_GT(operations[stage], 5) << stage;
  EXPECT_EQ(operations["step"], operations["forward"] + operations["backward"] + operations["optimizer"]);
  const double seconds = speed.stages.back().milliseconds.p50 / 1e3;
  EXPECT_NEAR(speed.windows_per_second, 2 / seconds, 1e-6 / seconds);
  EXPECT_NEAR(speed.share_of_peak, speed.flops / seconds / 1e9, 1e-9);
}

TEST(Benchmark, MeasuresACheckpoint) {
  const TemporaryFolder folder;
  Benchmark(tiny_benchmark()).dump(folder / "dumped");
  BenchmarkOptions options = tiny_benchmark();
  options.checkpoint = folder / "absent";
  const Problem problem = problem_of<ConfigError>([&] { Benchmark{options}; });
  EXPECT_EQ(problem.where, options.checkpoint);

  const auto config = ConfigDocument::load(folder / "dumped/config.json").read<PolicyConfig>();
  save_policy(folder / "policy", config, load_tensors(folder / "dumped/model.safetensors"),
              load_tensors(folder / "dumped/vae.safetensors"));
  options.checkpoint = folder / "policy";
  EXPECT_EQ(Benchmark(options).measure_control().sliding.back().milliseconds.count, 3);
}

TEST(Benchmark, DumpsWhatTheLossesCanBeComputedFrom) {
  const TemporaryFolder folder;
  const BenchmarkOptions options = tiny_benchmark();
  Benchmark(options).dump(folder / "dumped");
  PhysGenModel model(options.config.model);
  load_state_dict(*model, load_tensors(folder / "dumped/model.safetensors"), "model.safetensors");
  const NamedTensors dumped = load_tensors(folder / "dumped/batch.safetensors");
  const std::map<std::string, at::Tensor> named(dumped.begin(), dumped.end());
  WindowBatch batch;
  batch.latents = named.at("latents");
  batch.frame_valid = named.at("frame_valid");
  batch.actions = named.at("actions");
  batch.action_valid = named.at("action_valid");
  batch.instructions.assign(2, "Push the cube.");
  const LossNoise noise{named.at("noise.text_kept"),
                        {named.at("noise.known_ids"), named.at("noise.unknown")},
                        named.at("noise.frame_noise"),
                        named.at("noise.frame_timesteps"),
                        named.at("noise.action_noise"),
                        named.at("noise.action_timesteps"),
                        {}};
  const Losses losses = compute_losses(model, batch, noise, options.config.loss);
  EXPECT_TRUE(at::allclose(losses.observation(), named.at("expected.observation_loss")));
  EXPECT_TRUE(at::allclose(losses.action(), named.at("expected.action_loss")));
  EXPECT_GT(named.at("expected.sampled").abs().max().item<float>(), 0.01);
  for (const auto& item : model->named_parameters()) {
    EXPECT_TRUE(item.value().dim() == 1 || item.value().abs().max().item<float>() > 0) << item.key();
  }
}

TEST(Benchmark, AnswersRequestsAndRefusesOthers) {
  const Benchmark benchmark(tiny_benchmark());
  std::istringstream good("steps 1\nrounds 2\n");
  std::ostringstream out;
  benchmark.serve(good, out);
  std::istringstream answers(out.str());
  std::string ready;
  double numbers[4] = {};
  answers >> ready >> numbers[0] >> numbers[1] >> numbers[2] >> numbers[3];
  EXPECT_EQ(ready, "ready");
  EXPECT_TRUE(answers);
  EXPECT_GT(numbers[0], 0);
  EXPECT_GT(numbers[2], 0);

  std::istringstream bad("sleeps 1\n");
  const Problem problem = problem_of<ConfigError>([&] { benchmark.serve(bad, out); });
  EXPECT_EQ(problem.what, "unknown request");
  EXPECT_EQ(problem.where, "standard input");
  EXPECT_EQ(problem.got, "sleeps");
  EXPECT_EQ(problem.expected, "steps or rounds");
}

TEST(Benchmark, RefusesACanvasThatDoesNotGiveTheBackbonesLatents) {
  BenchmarkOptions options = tiny_benchmark();
  options.config.canvas.height = 32;
  const Problem problem = problem_of<ConfigError>([&] { Benchmark{options}; });
  EXPECT_EQ(problem.what, "the backbone is made for other latents than the VAE gives");
  EXPECT_EQ(problem.got, "2 channels of 8 x 8");
}

}  // namespace
}  // namespace physgen
