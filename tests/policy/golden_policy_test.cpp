#include <gtest/gtest.h>

#include <map>

#include <physgen/codec/canvas.h>
#include <physgen/policy/action_sampler.h>
#include <physgen/vae/frame_encoder.h>

#include "support/golden_policy.h"
#include "support/test_device.h"

namespace physgen {
namespace {

/// A policy's own parts against their twin in plain PyTorch. A deviation is relative to the greatest absolute value of
/// a tensor, and at most 1e-5; the greatest of each test is in its XML report.
class PolicyGolden : public testing::TestWithParam<const char*> {
 protected:
  void expect_near(const std::string& name, const at::Tensor& got, const at::Tensor& wanted) {
    const double apart = deviation(got, wanted);
    EXPECT_LE(apart, golden_tolerance(device_)) << name;
    greatest_ = std::max(greatest_, apart);
  }
  void TearDown() override { RecordProperty("deviation", testing::PrintToString(greatest_)); }

  at::Device device_ = test_device();
  GoldenPolicy golden_{GetParam(), device_};

 private:
  double greatest_ = 0;
};

// One moment's picture of all cameras.
at::Tensor canvas_of(const std::vector<at::Tensor>& cameras, int64_t index, const CanvasConfig& config) {
  std::vector<Image> views;
  for (const at::Tensor& pictures : cameras) views.push_back(to_images(pictures.narrow(0, index, 1)).front());
  return view_of(compose_canvas(views, config)).clone();
}

TEST_P(PolicyGolden, CamerasBecomeTheSameCanvas) {
  const CanvasConfig& config = golden_.config.finetune.canvas;
  std::vector<at::Tensor> cameras;
  for (const auto& [name, pictures] : golden_.all("camera.")) cameras.push_back(pictures.flatten(0, 1));
  ASSERT_EQ(cameras.size(), config.cameras.size());
  const at::Tensor wanted = golden_.at("expected.canvas").flatten(0, 1);
  for (int64_t i = 0; i < wanted.size(0); ++i) {
    EXPECT_TRUE(at::equal(canvas_of(cameras, i, config), wanted[i])) << "frame " << i;
  }
}

TEST_P(PolicyGolden, FramesBecomeTheSameLatents) {
  const at::NoGradGuard no_gradient;
  const at::Tensor frames = golden_.at("expected.canvas").flatten(0, 1);
  const at::Tensor wanted = golden_.at("expected.latents").flatten(0, 1);
  const CausalVae& vae = golden_.vae;
  expect_near("encoder", FrameEncoder(vae, device_, at::kFloat).encode(frames), wanted);
  expect_near("vae", vae->normalize(vae->encode(pixels_to_values(frames.to(device_))).mean), wanted);
}

TEST_P(PolicyGolden, LossesAreSumsAndCountsOfTheSame) {
  const LossConfig& config = golden_.config.finetune.loss;
  const WindowBatch batch = golden_.batch();
  const Losses losses = compute_losses(golden_.model, moved(batch, device_), moved(golden_.noise(), device_), config);
  expect_near("observation_sum", losses.observation_sum, golden_.at("expected.observation_sum"));
  expect_near("action_sum", losses.action_sum, golden_.at("expected.action_sum"));
  const double patches = golden_.at("expected.observation_count").item<double>();
  const double elements = golden_.at("expected.action_count").item<double>();
  EXPECT_EQ(losses.observation_count.item<double>(), patches);
  EXPECT_EQ(losses.action_count.item<double>(), elements);
  LossNoise noise = golden_.noise();
  const LossCounts counts = count_loss_terms(golden_.model->config(), batch, noise, config);
  EXPECT_EQ(counts.observation, patches);
  EXPECT_EQ(counts.action, elements);
}

TEST_P(PolicyGolden, EveryParameterHasTheSameGradient) {
  const Losses losses = compute_losses(golden_.model, moved(golden_.batch(), device_), moved(golden_.noise(), device_),
                                       golden_.config.finetune.loss);
  (losses.observation() + losses.action()).backward();
  const NamedTensors all = golden_.all("gradient.");
  std::map<std::string, at::Tensor> wanted(all.begin(), all.end());
  for (const auto& item : golden_.model->named_parameters()) {
    const auto found = wanted.find(item.key());
    ASSERT_NE(found, wanted.end()) << item.key() << " has no golden gradient";
    const at::Tensor& gradient = item.value().grad();  // of what no loss depends on there is none: zeros
    expect_near(item.key(), gradient.defined() ? gradient : at::zeros_like(item.value()), found->second);
    wanted.erase(found);
  }
  for (const auto& [name, gradient] : wanted) ADD_FAILURE() << "no parameter for the golden gradient of " << name;
}

TEST_P(PolicyGolden, TheSameNoiseBecomesTheSameActions) {
  const at::NoGradGuard no_gradient;
  PhysGenModel& model = golden_.model;
  const ActionHeadConfig& head = model->config().head;
  const Conditions conditions = model->forward(golden_.inputs(), model->encode_text(golden_.config.instructions));
  const at::Tensor condition = model->head_condition(conditions).flatten(0, 1);
  const ActionSampler sampler(model, head.sampler, head.denoising_steps);
  const at::Tensor noise = golden_.at("sampling_noise").to(device_), wanted = golden_.at("expected.sampled");
  expect_near("all chunks", sampler.sample(condition, noise), wanted);
  const at::Tensor first = sample_actions(model, moved(golden_.batch(), device_), noise).flatten(0, 1);
  expect_near("the first chunk", first, wanted.narrow(1, 0, model->config().codec.chunk));
}

INSTANTIATE_TEST_SUITE_P(Cases, PolicyGolden, testing::ValuesIn(kGoldenPolicies),
                         [](const auto& of_case) { return of_case.param; });

}  // namespace
}  // namespace physgen
