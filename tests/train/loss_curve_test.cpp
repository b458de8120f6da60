#include <gtest/gtest.h>

#include <map>

#include <physgen/train/train_step.h>

#include "support/golden_policy.h"
#include "support/test_device.h"

namespace physgen {
namespace {

// The noise of a step, from 0: signs alternate, and timesteps move on by 37.
LossNoise noise_of_step(const GoldenPolicy& golden, int64_t step) {
  const auto moved = [&](const at::Tensor& timesteps) { return (timesteps + 37 * step).remainder(1000); };
  LossNoise noise = golden.noise();
  const double sign = step % 2 == 0 ? 1 : -1;
  noise.frame_noise = noise.frame_noise * sign;
  noise.action_noise = noise.action_noise * sign;
  noise.frame_timesteps = moved(noise.frame_timesteps);
  noise.action_timesteps = moved(noise.action_timesteps);
  return noise;
}

// As golden files keep a tensor: up to 64 of its numbers in even distances.
at::Tensor digest(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().flatten();
  return values.slice(0, 0, values.numel(), (values.numel() + 63) / 64);
}

/// The recipe's steps against torch.optim.AdamW's in plain PyTorch. A deviation is relative to the greatest absolute
/// value of a tensor, here of a whole curve; the greatest of each test is in its XML report.
class LossCurve : public testing::TestWithParam<const char*> {
 protected:
  // One step of the recipe, from 0.
  StepOutcome train(int64_t index) {
    const FinetuneConfig& config = golden_.config.finetune;
    LossNoise noise = noise_of_step(golden_, index);
    const LossCounts counts = count_loss_terms(config.model, golden_.batch(), noise, config.loss);
    const auto sums = [&]() -> std::vector<at::Tensor> {
      const Losses losses =
          compute_losses(golden_.model, moved(golden_.batch(), device_), moved(noise, device_), config.loss);
      return {losses.observation_sum, losses.action_sum};
    };
    const double rate = learning_rate_at(config.optimizer.learning_rate, index, config.steps);
    return step_.run({{.counts = {counts.observation, counts.action}, .sums = sums}}, rate, index + 1);
  }

  void expect_near(const std::string& name, const at::Tensor& got, const at::Tensor& wanted) {
    const double apart = deviation(got, wanted);
    EXPECT_LE(apart, golden_tolerance(device_)) << name;
    greatest_ = std::max(greatest_, apart);
  }

  // NaN stands for numbers that float32 cannot follow: AdamW makes a step of their gradients' rounding errors.
  void expect_known(const std::string& name, const at::Tensor& got, const at::Tensor& wanted) {
    ASSERT_EQ(got.sizes(), wanted.sizes()) << name;
    const at::Tensor known = wanted.isfinite();
    ASSERT_TRUE(known.any().item<bool>()) << name << " has nothing to compare";
    expect_near(name, got.cpu().masked_select(known), wanted.masked_select(known));
  }

  void expect_all(const std::string& kind, const NamedTensors& tensors) {
    const NamedTensors all = golden_.all("curve." + kind + ".");
    std::map<std::string, at::Tensor> wanted(all.begin(), all.end());
    EXPECT_EQ(wanted.size(), tensors.size());
    for (const auto& [name, tensor] : tensors) {
      ASSERT_TRUE(wanted.contains(name)) << name << " has no golden " << kind;
      expect_known(kind + " " + name, digest(tensor), wanted.at(name));
    }
  }

  void TearDown() override { RecordProperty("deviation", testing::PrintToString(greatest_)); }

  at::Device device_ = test_device();
  GoldenPolicy golden_{GetParam(), device_};
  TrainStep step_{optimized_parameters(*golden_.model), golden_.config.finetune.optimizer,
                  golden_.config.finetune.ema_decay, Compute{.device = device_}};

 private:
  double greatest_ = 0;
};

TEST_P(LossCurve, StepsGiveTheSameLossesParametersAndAverages) {
  std::vector<double> observations, actions, norms;
  for (int64_t i = 0; i < golden_.config.finetune.steps; ++i) {
    const StepOutcome step = train(i);
    observations.push_back(step.losses[0]);
    actions.push_back(step.losses[1]);
    norms.push_back(step.gradient_norm);
  }
  expect_near("observation losses", at::tensor(observations, at::kDouble), golden_.at("curve.observation"));
  expect_near("action losses", at::tensor(actions, at::kDouble), golden_.at("curve.action"));
  expect_near("gradient norms", at::tensor(norms, at::kDouble), golden_.at("curve.gradient_norm"));
  expect_all("parameter", tensors_of(step_.optimizer().parameters()));
  expect_all("average", step_.averages()->averages());
}

INSTANTIATE_TEST_SUITE_P(Cases, LossCurve, testing::ValuesIn(kGoldenPolicies),
                         [](const auto& of_case) { return of_case.param; });

}  // namespace
}  // namespace physgen
