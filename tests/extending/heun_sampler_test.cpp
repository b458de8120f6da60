#include "extending/heun_sampler.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

namespace physgen {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// Data that are normal, and a network that knows it: its best prediction and where each noise ends have closed forms.
class HeunSampler : public testing::TestWithParam<Objective> {
 protected:
  // Of the network that has learned the data.
  at::Tensor predicted(const at::Tensor& x, double timestep) const {
    const auto [signal, noise] = shares(timestep);
    const at::Tensor surprise = (x - signal * kMean) / variance(signal, noise);
    if (GetParam() == Objective::epsilon) return noise * surprise;
    return noise * surprise - (kMean + signal * kDeviation * kDeviation * surprise);
  }

  // Where the exact solution ends that begins at x.
  at::Tensor end_of(const at::Tensor& x, double timestep) const {
    const auto [signal, noise] = shares(timestep);
    return kMean + (x - signal * kMean) * (kDeviation / std::sqrt(variance(signal, noise)));
  }

  // The greatest distance from it. @param heun  else what the library has
  double error_of(int64_t steps, bool heun) {
    const std::vector<double> timesteps = sampling_timesteps(GetParam(), steps);
    const at::Tensor start = at::tensor({-1.3, -0.4, 0.2, 1.1}, at::kDouble);
    const auto denoiser = [&](const at::Tensor& x, int64_t index) {
      ++calls_;
      return predicted(x, timesteps[static_cast<size_t>(index)]);
    };
    const at::Tensor end =
        heun ? sample_heun(schedule_, GetParam(), timesteps, start, denoiser, kUnbounded)
             : sample(schedule_, GetParam(), Sampler::ddim, timesteps, start, denoiser, {}, kUnbounded);
    return (end - end_of(start, timesteps.front())).abs().max().item<double>();
  }

  int64_t calls_ = 0;

 private:
  static constexpr double kMean = 0.2, kDeviation = 0.5;

  // What of the data and of the noise a sample is made.
  std::pair<double, double> shares(double timestep) const {
    if (GetParam() == Objective::flow_matching) return {1 - timestep / 1000, timestep / 1000};
    const double alpha_bar = schedule_.alpha_bar(static_cast<int64_t>(timestep));
    return {std::sqrt(alpha_bar), std::sqrt(1 - alpha_bar)};
  }
  static double variance(double signal, double noise) {
    return signal * signal * kDeviation * kDeviation + noise * noise;
  }

  const NoiseSchedule schedule_;
};

TEST_P(HeunSampler, IsOfSecondOrder) {
  for (const int64_t steps : {10, 20}) {
    EXPECT_NEAR(error_of(steps, true) / error_of(2 * steps, true), 4, 1) << steps;
    EXPECT_NEAR(error_of(steps, false) / error_of(2 * steps, false), 2, 0.3) << steps;  // the library's is of first
  }
}

TEST_P(HeunSampler, IsNearerToTheClosedFormThanFirstOrderIsWithAsManyCalls) {
  const double heun = error_of(10, true);
  EXPECT_EQ(calls_, 19);
  EXPECT_LT(heun, error_of(20, false) / 2);
}

TEST_P(HeunSampler, ClipsAtTheEnd) {
  const std::vector<double> timesteps = sampling_timesteps(GetParam(), 10);
  const auto denoiser = [&](const at::Tensor& x, int64_t index) { return predicted(x, timesteps[index]); };
  const at::Tensor end = sample_heun({}, GetParam(), timesteps, at::full({2, 3}, 9.0), denoiser, 1);
  EXPECT_TRUE(at::equal(end, at::ones({2, 3})));
}

INSTANTIATE_TEST_SUITE_P(Objectives, HeunSampler, testing::Values(Objective::epsilon, Objective::flow_matching));

}  // namespace
}  // namespace physgen
