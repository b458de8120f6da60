#include "train/optimizer.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cmath>

#include "physgen/vae/residual_block.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

at::Tensor parameter_of(std::vector<float> values, std::vector<float> gradient) {
  at::Tensor parameter = at::tensor(values).set_requires_grad(true);
  parameter.mutable_grad() = at::tensor(gradient);
  return parameter;
}

/// AdamW as its paper writes it, for one number.
struct Truth {
  double value, average = 0, square = 0;
  void step(double gradient, int64_t count, double rate, double decay) {
    average = 0.9 * average + 0.1 * gradient;
    square = 0.999 * square + 0.001 * gradient * gradient;
    const double m = average / (1 - std::pow(0.9, count)), v = square / (1 - std::pow(0.999, count));
    value -= rate * (m / (std::sqrt(v) + 1e-8) + decay * value);
  }
};

TEST(AdamWTest, ItTakesTheStepsOfThePaper) {
  const at::Tensor parameter = parameter_of({1.5f}, {0});
  AdamW optimizer({{"w", parameter, true}}, {.betas = {0.9, 0.999}, .weight_decay = 0.1});
  Truth truth{1.5};
  for (int64_t count = 1; count <= 5; ++count) {
    const double gradient = 0.3 * static_cast<double>(count) - 0.7, rate = 0.01 * static_cast<double>(count);
    at::Tensor(parameter).mutable_grad() = at::tensor({static_cast<float>(gradient)});
    optimizer.step(rate);
    truth.step(gradient, count, rate, 0.1);
    EXPECT_NEAR(parameter.item<double>(), truth.value, 1e-6);
  }
}

TEST(AdamWTest, AParameterThatDoesNotDecayStaysWhereItsGradientIsZero) {
  const at::Tensor kept = parameter_of({2}, {0}), pulled = parameter_of({2}, {0});
  AdamW optimizer({{"norm.weight", kept, false}, {"weight", pulled, true}}, {.weight_decay = 0.5});
  optimizer.step(0.1);
  EXPECT_FLOAT_EQ(kept.item<float>(), 2);
  EXPECT_FLOAT_EQ(pulled.item<float>(), 2 * (1 - 0.05f));
}

TEST(AdamWTest, AParameterWithoutAGradientStaysAsItIs) {
  const at::Tensor parameter = at::ones({2}).set_requires_grad(true);
  AdamW optimizer({{"w", parameter, true}}, {.weight_decay = 0.5});
  optimizer.step(0.1);
  EXPECT_TRUE(at::equal(parameter, at::ones({2})));
  EXPECT_EQ(optimizer.state()[2].second.item<float>(), 0);
}

TEST(AdamWTest, ARunThatIsResumedTakesTheSameSteps) {
  const at::Tensor one = parameter_of({1, 2}, {0.5f, -1});
  AdamW whole({{"w", one, true}}, {});
  whole.step(0.1);
  const at::Tensor other = one.detach().clone().set_requires_grad(true);
  other.mutable_grad() = one.grad().clone();
  AdamW resumed({{"w", other, true}}, {});
  resumed.load_state(whole.state(), "a file");
  whole.step(0.1);
  resumed.step(0.1);
  EXPECT_TRUE(at::equal(one, other));
}

TEST(AdamWTest, AStateThatDoesNotFitIsRefusedWhole) {
  AdamW optimizer({{"w", parameter_of({1, 2}, {1, 1}), true}}, {});
  NamedTensors state{{"exp_avg.w", at::ones({3})}, {"exp_avg_sq.w", at::ones({2})}};
  const Problem problem = problem_of<FormatError>([&] { optimizer.load_state(state, "training.safetensors"); });
  EXPECT_EQ(problem.where, "training.safetensors");
  EXPECT_EQ(problem.got, "missing step.w; exp_avg.w is [3] instead of [2]");
  EXPECT_EQ(optimizer.state()[1].second.sum().item<float>(), 0);
}

TEST(AdamWTest, TheParametersOfNormsDoNotDecayAndFrozenOnesAreLeftOut) {
  ResidualBlock block(4, 8, 2, 0);
  block->conv2->bias.set_requires_grad(false);
  std::string decaying, kept;
  for (const auto& item : optimized_parameters(*block, "b.")) (item.decay ? decaying : kept) += item.name + " ";
  EXPECT_EQ(kept, "b.norm1.weight b.norm1.bias b.norm2.weight b.norm2.bias ");
  EXPECT_EQ(decaying, "b.conv1.weight b.conv1.bias b.conv2.weight b.conv_shortcut.weight b.conv_shortcut.bias ");
}

TEST(ClipGradientsTest, LongGradientsAreScaledTogetherAndShortOnesKept) {
  const at::Tensor a = parameter_of({0}, {3}), b = parameter_of({0}, {4});
  const std::vector<OptimizedParameter> parameters{{"a", a, true}, {"b", b, true}};
  EXPECT_FLOAT_EQ(clip_gradients(parameters, 1).item<float>(), 5);
  EXPECT_NEAR(a.grad().item<double>(), 0.6, 1e-6);
  EXPECT_NEAR(b.grad().item<double>(), 0.8, 1e-6);
  EXPECT_NEAR(clip_gradients(parameters, 10).item<double>(), 1, 1e-6);
  EXPECT_NEAR(a.grad().item<double>(), 0.6, 1e-6);
}

TEST(ClipGradientsTest, AGradientThatIsNotFiniteShowsInTheNorm) {
  const std::vector<OptimizedParameter> parameters{{"a", parameter_of({0}, {INFINITY}), true}};
  EXPECT_FALSE(std::isfinite(clip_gradients(parameters, 1).item<float>()));
}

}  // namespace
}  // namespace physgen
