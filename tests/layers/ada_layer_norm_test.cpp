#include <physgen/layers/ada_layer_norm.h>

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace physgen {
namespace {

// Without gradients one timestep's gain and shift become the norm's own weights: the numbers stay.
TEST(ModulateNorm, GivesWithoutGradientsWhatItGivesWithThem) {
  const at::Tensor x = at::randn({3, 5, 16}), gain = 1 + at::randn({1, 1, 16}), shift = at::randn({1, 1, 16});
  const at::Tensor expected = modulate_norm(x, gain, shift);
  const at::Tensor centred = x - x.mean(-1, true);
  const at::Tensor normed = centred / (centred.square().mean(-1, true) + 1e-6).sqrt();
  EXPECT_TRUE(at::allclose(expected, normed * gain + shift, 1e-4, 1e-5));
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(at::allclose(modulate_norm(x, gain, shift), expected, 1e-4, 1e-5));
  const at::Tensor half = modulate_norm(x.to(at::kBFloat16), gain, shift);
  EXPECT_TRUE(at::allclose(half.to(at::kFloat), expected, 5e-2, 5e-2));
  const at::Tensor several = at::cat({gain, gain * 2, gain * 3});
  EXPECT_TRUE(at::allclose(modulate_norm(x, several, shift)[0], expected[0], 1e-4, 1e-5));
}

}  // namespace
}  // namespace physgen
