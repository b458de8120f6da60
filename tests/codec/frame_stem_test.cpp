#include <gtest/gtest.h>

#include <torch/torch.h>

#include <physgen/codec/frame_stem.h>

namespace physgen {
namespace {

NovaConfig nova() {
  NovaConfig config;
  config.width = 16;
  config.latent_channels = 2;
  config.latent_height = 8;
  config.latent_width = 12;
  return config;
}

TEST(FrameStem, AFeaturesPlaceIsWhereItIsStrong) {
  FrameStem stem(nova(), 2, 1);
  at::Tensor features = at::zeros({1, 2, 8, 12});
  features[0][0][7][0] = 100;  // below, left
  features[0][1][0][11] = 100;
  features[0][1][0][10] = 100;  // above, between the two columns at the right
  const at::Tensor places = stem->places(features);
  const at::Tensor expected = at::tensor({-1.0, 1.0, 10.0 / 11, -1.0}, at::kFloat).view({1, 4});
  EXPECT_TRUE(at::allclose(places, expected, 1e-5, 1e-6)) << places;
}

TEST(FrameStem, AFeatureHasAPlaceInEachView) {
  FrameStem stem(nova(), 1, 2);
  at::Tensor features = at::zeros({1, 1, 8, 12});
  features[0][0][0][5] = 100;  // above, at the right of the left view
  features[0][0][7][6] = 100;  // below, at the left of the right view
  const at::Tensor expected = at::tensor({1.0, -1.0, -1.0, 1.0}, at::kFloat).view({1, 4});
  EXPECT_TRUE(at::allclose(stem->places(features), expected, 1e-5, 1e-6)) << stem->places(features);
}

TEST(FrameStem, AFeatureThatIsEverywhereIsInTheMiddle) {
  FrameStem stem(nova(), 3, 1);
  EXPECT_LT(stem->places(at::ones({2, 3, 8, 12})).abs().max().item<float>(), 1e-6);
}

TEST(FrameStem, WhatItAddsToATokenComesFromTheWholeFrame) {
  torch::manual_seed(1);
  FrameStem stem(nova(), 4, 1);
  at::Tensor patches = at::randn({1, 1, 6, 32}), moved = patches.clone();
  moved[0][0][5] += 1;
  const at::Tensor change = (stem->forward(moved) - stem->forward(patches)).abs().amax(3)[0][0];
  EXPECT_GT(change.min().item<float>(), 1e-7);  // by its features' places
  EXPECT_GT(change[5].item<float>(), 10 * change[0].item<float>());
}

}  // namespace
}  // namespace physgen
