#include <gtest/gtest.h>
#include <torch/torch.h>

#include "layers/activation_checkpoint.h"

namespace physgen {
namespace {

TEST(RunCheckpointed, GivesTheSameOutputAndGradients) {
  at::Tensor weight = at::randn({4, 4}).requires_grad_(), x = at::randn({3, 4}).requires_grad_();
  int runs = 0;
  auto function = [&](const at::Tensor& input) {
    ++runs;
    return at::gelu(at::matmul(input, weight));
  };
  function(x).square().sum().backward();
  at::Tensor of_weight = weight.grad().clone(), of_x = x.grad().clone();
  weight.mutable_grad().reset();
  x.mutable_grad().reset();
  runs = 0;
  at::Tensor y = run_checkpointed(function, x);
  EXPECT_EQ(runs, 1);
  y.square().sum().backward();
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(at::equal(weight.grad(), of_weight));
  EXPECT_TRUE(at::equal(x.grad(), of_x));
}

TEST(RunCheckpointed, ReachesParametersAlsoWhenTheInputNeedsNoGradient) {
  at::Tensor weight = at::ones({2}).requires_grad_(), x = at::full({2}, 3.0);
  run_checkpointed([&](const at::Tensor& input) { return input * weight; }, x).sum().backward();
  EXPECT_TRUE(at::equal(weight.grad(), x));
}

}  // namespace
}  // namespace physgen
