#include <gtest/gtest.h>
#include <torch/torch.h>

#include <physgen/layers/initialization.h>
#include <physgen/layers/lora.h>

#include "kernels/row_kernels.h"

namespace physgen {
namespace {

LoraLinear make_linear() {
  LoraLinear linear(6, 4);
  initialize(*linear, at::make_generator<at::CPUGeneratorImpl>(7));
  return linear;
}

TEST(LoraLinear, AFreshAdapterLeavesTheOutputUnchanged) {
  LoraLinear linear = make_linear();
  at::Tensor x = at::randn({5, 6});
  at::Tensor before = linear->forward(x);
  linear->attach_adapter(2, 2.0);
  EXPECT_TRUE(at::equal(linear->forward(x), before));
}

TEST(LoraLinear, OnlyTheAdapterIsTrained) {
  LoraLinear linear = make_linear();
  linear->attach_adapter(2, 2.0);
  linear->forward(at::randn({5, 6})).sum().backward();
  EXPECT_FALSE(linear->weight.grad().defined());
  EXPECT_GT(linear->lora_b.grad().abs().sum().item<double>(), 0);
}

TEST(LoraLinear, MergingKeepsTheOutputAndRemovesTheAdapter) {
  LoraLinear linear = make_linear();
  linear->attach_adapter(2, 3.0);
  {
    torch::NoGradGuard no_grad;
    linear->lora_b.normal_();
  }
  at::Tensor x = at::randn({5, 6});
  at::Tensor adapted = linear->forward(x);
  EXPECT_FALSE(at::allclose(adapted, at::linear(x, linear->weight, linear->bias)));
  linear->merge_adapter();
  EXPECT_TRUE(at::allclose(linear->forward(x), adapted, 1e-5, 1e-6));
  EXPECT_EQ(linear->named_parameters().size(), 2u);
}

TEST(LoraLinear, ASecondAdapterIsRefused) {
  LoraLinear linear = make_linear();
  linear->attach_adapter(2, 2.0);
  EXPECT_THROW(linear->attach_adapter(2, 2.0), c10::ValueError);
}

TEST(LoraLinear, PackedItGivesTheSameAndStillTrains) {
  LoraLinear linear = make_linear();
  const at::Tensor x = at::randn({5, 6});
  const at::Tensor before = linear->forward(x);
  linear->pack();
  EXPECT_TRUE(at::equal(linear->forward(x), before));  // a gradient is asked for
  {
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(at::allclose(linear->forward(x), before, 1e-5, 1e-6));
    EXPECT_TRUE(at::allclose(linear->forward_gelu(x), at::gelu(before), 1e-5, 1e-6));
    linear->weight.zero_();
    EXPECT_EQ(at::allclose(linear->forward(x), before, 1e-5, 1e-6), rows_serve()) << "a copy is read where kernels are";
  }
  linear->attach_adapter(2, 2.0);
  EXPECT_THROW(linear->pack(), c10::ValueError);
}

TEST(Initialization, TheSameSeedGivesTheSameWeights) {
  EXPECT_TRUE(at::equal(make_linear()->weight, make_linear()->weight));
  EXPECT_EQ(make_linear()->bias.abs().sum().item<double>(), 0);
}

}  // namespace
}  // namespace physgen
