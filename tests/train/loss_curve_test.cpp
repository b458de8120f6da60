#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "support/golden_policy.h"
#include "support/test_device.h"
#include "support/test_ranks.h"
#include "train/train_step.h"

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

/// The recipe's steps against torch.optim.AdamW's in plain PyTorch, alone or shared by two ranks. A deviation is
/// relative to the greatest absolute value of a tensor, here of a whole curve; the greatest of each test is in its XML
/// report.
class LossCurve : public testing::TestWithParam<const char*> {
 protected:
  // One step of the recipe, from 0, of which each rank has its share of the windows.
  StepOutcome train(int64_t index) {
    const FinetuneConfig& config = golden_.config.finetune;
    const WindowBatch batch = own_windows(golden_.batch());
    LossNoise noise = own_noise(noise_of_step(golden_, index));
    const LossCounts counts = count_loss_terms(config.model, batch, noise, config.loss);
    const auto sums = [&]() -> std::vector<at::Tensor> {
      const Losses losses = compute_losses(golden_.model, moved(batch, device_), moved(noise, device_), config.loss);
      return {losses.observation_sum, losses.action_sum};
    };
    const double rate = learning_rate_at(config.optimizer.learning_rate, index, config.steps);
    return step_.run({{.counts = {counts.observation, counts.action}, .sums = sums}}, rate, index + 1);
  }

  // What is this rank's of something that has one row or several for each window.
  at::Tensor own_rows(const at::Tensor& tensor, int64_t dimension = 0) const {
    if (!ranks_ || !tensor.defined()) return tensor;
    return tensor.chunk(ranks_->size(), dimension)[static_cast<size_t>(ranks_->rank())];
  }

  WindowBatch own_windows(WindowBatch batch) const {
    for (at::Tensor* part : {&batch.latents, &batch.input_latents, &batch.frame_valid, &batch.actions,
                             &batch.action_valid, &batch.states}) {
      *part = own_rows(*part);
    }
    if (ranks_ && ranks_->size() == 2)
      batch.instructions = {batch.instructions.at(static_cast<size_t>(ranks_->rank()))};
    return batch;
  }

  LossNoise own_noise(const LossNoise& noise) const {
    return {.text_kept = own_rows(noise.text_kept),
            .frame_mask = {own_rows(noise.frame_mask.known_ids), own_rows(noise.frame_mask.unknown)},
            .frame_noise = own_rows(noise.frame_noise, 1),
            .frame_timesteps = own_rows(noise.frame_timesteps, 1),
            .action_noise = own_rows(noise.action_noise),
            .action_timesteps = own_rows(noise.action_timesteps),
            .decoded = {}};
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
  const std::unique_ptr<Ranks> ranks_ = test_ranks();
  GoldenPolicy golden_{GetParam(), device_};
  TrainStep step_{optimized_parameters(*golden_.model), golden_.config.finetune.optimizer,
                  golden_.config.finetune.ema_decay, Compute{.device = device_}, ranks_.get()};

 private:
  double greatest_ = 0;
};

TEST_P(LossCurve, StepsGiveTheSameLossesParametersAndAverages) {
  ASSERT_EQ(golden_.batch().latents.size(0), 2);
  ASSERT_TRUE(!ranks_ || ranks_->size() <= 2) << "there are two windows to share";
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
