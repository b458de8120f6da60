
#include <gtest/gtest.h>

#include <cmath>

#include "support/problem_of.h"
#include "support/test_device.h"
#include "support/test_ranks.h"
#include "support/tiny_model.h"
#include "train/fixed_windows.h"
#include "train/policy_training.h"
#include "train/train_step.h"
#include "train/training.h"

namespace physgen {
namespace {

constexpr int64_t kWindows = 64;

// What one step of a policy does with its windows cut into micro-batches, and those over ranks.
struct Step {
  StepOutcome outcome;
  std::vector<OptimizedParameter> parameters;
};

Step step_with(int64_t accumulation, Ranks* ranks = nullptr) {
  PolicyConfig policy = tiny_policy_config();
  policy.model.codec.state_token = true;
  policy.model.codec.stem_channels = 3;
  policy.states = {std::vector<double>(5, -1), std::vector<double>(5, 1)};
  FinetuneConfig config;
  config.batch = kWindows;
  config.accumulation = accumulation;
  config.loss.text_dropout = 0.3;
  const FixedWindows windows(policy.model, kWindows);
  const Compute compute{.device = test_device()};
  PolicyTraining training(config, {policy, make_model(policy.model), CausalVae(nullptr)}, windows, windows, compute);
  const std::vector<StepPart> parts =
      training.prepare(3, ranks ? WorkShare{ranks->rank(), ranks->size()} : WorkShare{});
  EXPECT_EQ(std::ssize(parts), accumulation);
  TrainStep step(training.parameters(), {.clip_norm = 1e9}, std::nullopt, compute, ranks);
  return {step.run(parts, 1e-3, 4), training.parameters()};
}

void expect_same(const Step& expected, const Step& got) {
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(got.outcome.losses[i] / expected.outcome.losses[i], 1, 1e-6);
  }
  EXPECT_NEAR(got.outcome.gradient_norm / expected.outcome.gradient_norm, 1, 1e-6);
  double squares = 0;
  for (size_t i = 0; i < expected.parameters.size(); ++i) {
    const at::Tensor before = expected.parameters[i].parameter.grad(), after = got.parameters[i].parameter.grad();
    ASSERT_EQ(before.defined(), after.defined()) << expected.parameters[i].name;
    if (!before.defined()) continue;
    const double difference = (after - before).norm().item<double>();
    EXPECT_LE(difference, 3e-6 * before.norm().item<double>()) << expected.parameters[i].name;
    squares += difference * difference;
  }
  EXPECT_LE(std::sqrt(squares), 1e-6 * expected.outcome.gradient_norm);
}

TEST(TrainStep, TheSameWindowsGiveTheSameLossesAndGradientsHoweverTheyAreCut) {
  const Step whole = step_with(1);
  EXPECT_GT(whole.outcome.gradient_norm, 0.01);
  expect_same(whole, step_with(2));
  expect_same(whole, step_with(8));
}

TEST(TrainStep, RanksThatShareAStepHaveTheLossesAndGradientsOfOneProcess) {
  const auto ranks = test_ranks();
  if (!ranks) GTEST_SKIP() << "of several processes: tests/distributed/together";
  const Step alone = step_with(1);
  expect_same(alone, step_with(1, ranks.get()));
  expect_same(alone, step_with(4, ranks.get()));
}

TEST(TrainStep, AllRanksNameTheOneWhoseLossIsNotFiniteAndItsWindows) {
  const auto ranks = test_ranks();
  if (!ranks) GTEST_SKIP() << "of several processes: tests/distributed/together";
  const PolicyConfig policy = tiny_policy_config();
  FinetuneConfig config;
  config.batch = kWindows;
  config.non_finite = NonFinite::stop;
  FixedWindows windows(policy.model, kWindows);
  windows.spoil(kWindows - 1);
  const Compute compute{.device = test_device()};
  PolicyTraining trainable(config, {policy, make_model(policy.model), CausalVae(nullptr)}, windows, windows, compute);
  Training training(config, std::nullopt, trainable, compute, ranks.get());
  const Problem problem = problem_of<Error>([&] { training.advance(); });
  const std::string last = "rank " + std::to_string(ranks->size() - 1);
  const std::string first = std::to_string(kWindows - kWindows / ranks->size());
  EXPECT_EQ(problem.where, "step 1, " + last + ": windows " + first + " to " + std::to_string(kWindows - 1));
  EXPECT_TRUE(problem.got.ends_with(", the losses of " + last)) << problem.got;
}

// One number x with the loss x^2 / 2 a term.
struct Parabola {
  at::Tensor x = at::scalar_tensor(2.0f).set_requires_grad(true);

  std::vector<OptimizedParameter> parameters() const { return {{"x", x, true}}; }
  StepPart part(double count, double factor = 1) const {
    return {.counts = {count},
            .sums = [this, count, factor]() -> std::vector<at::Tensor> { return {factor * count * x.square() / 2}; }};
  }
};

TEST(TrainStep, DividesTheSumsOfAllPartsByTheCountsOfAllParts) {
  const Parabola parabola;
  TrainStep step(parabola.parameters(), {.weight_decay = 0, .clip_norm = 100}, std::nullopt, {});
  const StepOutcome outcome = step.run({parabola.part(1), parabola.part(3, 2)}, 0.1, 1);
  EXPECT_FLOAT_EQ(static_cast<float>(outcome.losses[0]), (1 * 2 + 3 * 2 * 2) / 4.0f);
  EXPECT_FLOAT_EQ(static_cast<float>(outcome.gradient_norm), (1 * 2 + 3 * 2 * 2) / 4.0f);
  EXPECT_NEAR(parabola.x.item<double>(), 2 - 0.1, 1e-6);  // the first step of Adam is the learning rate
}

TEST(TrainStep, ChangesNothingWhereALossIsNotFinite) {
  const Parabola parabola;
  TrainStep step(parabola.parameters(), {}, 0.5, {});
  const StepOutcome outcome = step.run({parabola.part(1, std::nan(""))}, 0.1, 1);
  EXPECT_FALSE(outcome.finite);
  EXPECT_EQ(parabola.x.item<float>(), 2);
  ASSERT_TRUE(step.averages().has_value());
  EXPECT_EQ(step.averages()->averages()[0].second.item<float>(), 2);
  for (const auto& [name, tensor] : step.optimizer().state()) EXPECT_EQ(tensor.item<float>(), 0) << name;
}

TEST(TrainStep, AveragesItsWeights) {
  const Parabola parabola;
  TrainStep step(parabola.parameters(), {.weight_decay = 0}, 0.999, {});
  step.run({parabola.part(1)}, 0.1, 1);
  ASSERT_TRUE(step.averages().has_value());
  EXPECT_NEAR(step.averages()->averages()[0].second.item<double>(), 2 * (2 / 11.0) + 1.9 * (9 / 11.0), 1e-6);
}

TEST(TrainStep, NamesItsStages) {
  const Parabola parabola;
  TrainStep step(parabola.parameters(), {}, std::nullopt, {});
  std::vector<std::string> stages;
  step.on_stage = [&](const char* stage, double) { stages.emplace_back(stage); };
  step.run({parabola.part(1), parabola.part(1)}, 0.1, 1);
  EXPECT_EQ(stages, (std::vector<std::string>{"forward", "backward", "forward", "backward", "optimizer"}));
}

}  // namespace
}  // namespace physgen
