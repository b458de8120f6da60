#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include <physgen/diffusion/sampler.h>

#include "diffusion/forward_noise.h"

namespace physgen {
namespace {

TEST(NoiseSchedule, HasTheValuesOfTheReference) {
  NoiseSchedule schedule;
  EXPECT_NEAR(schedule.alpha_bar(0), 0.9999587, 1e-7);
  EXPECT_NEAR(schedule.alpha_bar(1), 0.9999126, 1e-7);
  EXPECT_NEAR(schedule.alpha_bar(961) / 3.50304e-3, 1, 1e-4);
  EXPECT_NEAR(schedule.alpha_bar(999) / 2.43e-9, 1, 1e-2);
  EXPECT_EQ(schedule.alpha_bar(-1), 1);
}

TEST(NoiseSchedule, AddsNoisePerRow) {
  NoiseSchedule schedule;
  at::Tensor x = at::ones({2, 3}), noise = at::full({2, 3}, 2.0);
  at::Tensor noisy = add_noise(Objective::epsilon, x, noise, at::tensor({0, 961}, at::kLong)).x;
  const double abar = schedule.alpha_bar(961);
  EXPECT_NEAR(noisy[0][0].item<double>(), std::sqrt(0.9999587) + 2 * std::sqrt(1 - 0.9999587), 1e-4);
  EXPECT_NEAR(noisy[1][2].item<double>(), std::sqrt(abar) + 2 * std::sqrt(1 - abar), 1e-5);
}

TEST(SamplingTimesteps, AreSpacedFromTheFirstOn) {
  EXPECT_EQ(sampling_timesteps(Objective::epsilon, 25).front(), 961);
  EXPECT_EQ(sampling_timesteps(Objective::epsilon, 25).back(), 1);
  EXPECT_EQ(sampling_timesteps(Objective::epsilon, 1000).front(), 999);
  EXPECT_EQ(sampling_timesteps(Objective::flow_matching, 4), (std::vector<double>{1000, 750, 500, 250}));
  EXPECT_THROW(sampling_timesteps(Objective::epsilon, 0), c10::ValueError);
}

// A network that knows the data: two values, each reached by its half of the noise.
class Sampling : public testing::TestWithParam<std::tuple<Objective, Sampler>> {};

TEST_P(Sampling, FollowsAPerfectNetworkToTheData) {
  const auto [objective, sampler] = GetParam();
  NoiseSchedule schedule;
  const std::vector<double> timesteps = sampling_timesteps(objective, 20);
  at::Tensor data = at::tensor({-0.75f, 0.5f});
  auto denoiser = [&](const at::Tensor& x, int64_t index) -> at::Tensor {
    const double t = timesteps[index];
    if (objective == Objective::flow_matching) return (x - data) / (t / 1000);
    const double abar = schedule.alpha_bar(static_cast<int64_t>(t));
    return (x - std::sqrt(abar) * data) / std::sqrt(1 - abar);
  };
  auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
  at::Tensor noise = at::randn({2}, generator);
  const auto more = [&] { return at::randn({2}, generator); };
  at::Tensor result = sample(schedule, objective, sampler, timesteps, noise, denoiser, more);
  EXPECT_TRUE(at::allclose(result, data, 1e-3, 1e-3)) << result;
}

TEST(SampleArguments, RefusesWhatHasNoStepsAndWhatLacksNoise) {
  const NoiseSchedule schedule;
  const auto denoiser = [](const at::Tensor& x, int64_t) { return x; };
  const auto draw = [&](Objective objective, Sampler sampler) {
    return sample(schedule, objective, sampler, {1}, at::zeros({2}), denoiser);
  };
  EXPECT_THROW(draw(Objective::discrete, Sampler::ddim), c10::ValueError);
  EXPECT_THROW(draw(Objective::epsilon, Sampler::ddpm), c10::ValueError);
}

// The data are a Gaussian N(m, s): then the best prediction is known, and every sampler must give that Gaussian back.
TEST_P(Sampling, GivesTheDistributionOfTheData) {
  const auto [objective, sampler] = GetParam();
  NoiseSchedule schedule;
  const std::vector<double> timesteps = sampling_timesteps(objective, 200);
  const double mean = 0.2, deviation = 0.1;
  auto denoiser = [&](const at::Tensor& x, int64_t index) -> at::Tensor {
    if (objective == Objective::flow_matching) {
      const double sigma = timesteps[index] / 1000;
      const double variance = (1 - sigma) * (1 - sigma) * deviation * deviation + sigma * sigma;
      at::Tensor surprise = (x - (1 - sigma) * mean) / variance;
      return sigma * surprise - (mean + (1 - sigma) * deviation * deviation * surprise);
    }
    const double abar = schedule.alpha_bar(static_cast<int64_t>(timesteps[index]));
    const double variance = abar * deviation * deviation + 1 - abar;
    return (x - std::sqrt(abar) * mean) * (std::sqrt(1 - abar) / variance);
  };
  auto generator = at::make_generator<at::CPUGeneratorImpl>(6);
  const auto noise = [&] { return at::randn({20000}, generator); };
  at::Tensor result = sample(schedule, objective, sampler, timesteps, noise(), denoiser, noise);
  EXPECT_NEAR(result.mean().item<double>(), mean, 0.01);
  EXPECT_NEAR(result.std().item<double>(), deviation, 0.01);
}

INSTANTIATE_TEST_SUITE_P(All, Sampling,
                         testing::Values(std::tuple{Objective::epsilon, Sampler::ddim},
                                         std::tuple{Objective::epsilon, Sampler::ddpm},
                                         std::tuple{Objective::epsilon, Sampler::dpm_solver},
                                         std::tuple{Objective::flow_matching, Sampler::ddim}));

}  // namespace
}  // namespace physgen
