#include <physgen/layers/quantized_linear.h>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <physgen/layers/initialization.h>
#include <physgen/layers/lora.h>

#include "device/int8.h"
#include "support/relative_error.h"

namespace physgen {
namespace {

class QuantizedLinearTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!multiplies_bytes()) GTEST_SKIP() << "this CPU does not multiply bytes";
    at::manual_seed(4);
    weight_ = at::randn({48, 64}) / 8;
    bias_ = at::randn({48});
    x_ = at::silu(at::randn({2, 9, 64}));
    scale_ = byte_scale(x_.min().item<double>(), x_.max().item<double>());
  }

  at::Tensor weight_, bias_, x_;
  ByteScale scale_;
};

TEST_F(QuantizedLinearTest, IsNearTheProductInFloat32) {
  for (const at::Tensor& bias : {bias_, at::Tensor()}) {
    const at::Tensor truth = at::linear(x_, weight_, bias);
    const QuantizedLinear layer(weight_, bias, scale_);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor got = layer(x_.to(dtype));
      EXPECT_EQ(got.scalar_type(), dtype);
      EXPECT_EQ(got.sizes(), truth.sizes());
      EXPECT_LT(relative_error(got, truth), 0.015);
      EXPECT_GT(relative_error(got, truth), 1e-4) << "that was no product of bytes";
    }
  }
}

TEST_F(QuantizedLinearTest, AScaleThatIsTooNarrowCosts) {
  const at::Tensor truth = at::linear(x_, weight_, bias_);
  EXPECT_GT(relative_error(QuantizedLinear(weight_, bias_, byte_scale(-0.1, 0.5))(x_), truth), 0.1);
}

TEST_F(QuantizedLinearTest, ItIsASnapshot) {
  const QuantizedLinear layer(weight_, bias_, scale_);
  const at::Tensor before = layer(x_);
  weight_.add_(1);
  bias_.add_(1);
  EXPECT_TRUE(at::equal(layer(x_), before));
}

TEST_F(QuantizedLinearTest, ALayerComputesInInt8UntilItIsToldNotTo) {
  const torch::NoGradGuard no_gradient;
  LoraLinear linear(64, 48);
  initialize(*linear, at::make_generator<at::CPUGeneratorImpl>(7));
  const at::Tensor before = linear->forward(x_);
  linear->quantize(scale_);
  EXPECT_TRUE(at::equal(linear->forward(x_), QuantizedLinear(linear->weight, linear->bias, scale_)(x_)));
  linear->quantize(std::nullopt);
  EXPECT_TRUE(at::equal(linear->forward(x_), before));
}

TEST_F(QuantizedLinearTest, AnAdapterIsMergedFirst) {
  LoraLinear linear(64, 48);
  initialize(*linear, at::make_generator<at::CPUGeneratorImpl>(7));
  linear->attach_adapter(2, 2.0);
  EXPECT_THROW(linear->quantize(scale_), c10::ValueError);
}

TEST_F(QuantizedLinearTest, AWatchSeesWhatALayerComputesAndWhatInt8WouldMakeOfIt) {
  const torch::NoGradGuard no_gradient;
  LoraLinear linear(64, 48);
  initialize(*linear, at::make_generator<at::CPUGeneratorImpl>(7));
  std::vector<std::string> seen;
  linear->tell("a layer", [&](const LayerUse& use) {
    seen.push_back(use.name);
    EXPECT_TRUE(at::equal(use.input, x_));
    EXPECT_LT(relative_error(use.in_int8(scale_), use.output), 0.015);
  });
  linear->forward(x_);
  EXPECT_EQ(seen, std::vector<std::string>{"a layer"});
  linear->tell("", {});
  linear->forward(x_);
  EXPECT_EQ(seen.size(), 1u);
}

}  // namespace
}  // namespace physgen
